import type { StageName } from '@llama-probe/dump';

/** A stage as it has just been computed, in a buffer of (tokens, width) f32. */
export interface StageAt {
  readonly step: number;
  readonly order: number;
  readonly layer: number | null;
  readonly stage: StageName;
  readonly firstPosition: number;
  readonly tokens: number;
  readonly width: number;
}

/**
 * The one hook: called after each stage, in the order of the model. It may record the stage, and it may put other rows in
 * its place, from which the pass then goes on. Both happen on the GPU within the submit of the pass.
 *
 * @example const freeRun: Hook = { record: (at) => at.stage === 'q_rope' };
 */
export interface Hook {
  /** Whether to copy this stage out. It is copied before it is overwritten. */
  record(at: StageAt): boolean;
  /** (tokens, width) rows to go on from, or undefined to leave the stage as it is. */
  overwrite?(at: StageAt): Float32Array | undefined;
}
