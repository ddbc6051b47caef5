import type { StageName } from '@llama-probe/dump';

/** A layer of a pass, before its stages are computed. */
export interface LayerAt {
  readonly step: number;
  /** null for the stages after the last layer. */
  readonly layer: number | null;
  readonly firstPosition: number;
  readonly tokens: number;
}

/** A stage as it has just been computed, in a buffer of (tokens, width) f32. */
export interface StageAt extends LayerAt {
  readonly order: number;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly stage: StageName;
  readonly width: number;
}

/**
 * The one hook: called after each stage, in the order of the model, inject() before record() before overwrite(). Rows are
 * (tokens, width), and are copied when they are given. Copies both ways happen on the GPU within the submit of the pass.
 *
 * @example const freeRun: Hook = { record: (at) => at.stage === 'q_rope' };
 * @example const teacherForced: Hook = { record: () => true, overwrite: (at) => healthy[at.order]?.values };
 */
export interface Hook {
  /** Awaited before each layer, so that its rows can be fetched: embd counts as layer 0, the last stages as layer null. */
  prepare?(at: LayerAt): Promise<void> | undefined;
  /** Rows in place of what the kernel has computed: they are recorded, and the pass goes on from them. */
  inject?(at: StageAt): Float32Array | undefined;
  /** Whether to copy this stage out. */
  record(at: StageAt): boolean;
  /** Rows for the pass to go on from. The record keeps what was computed. */
  overwrite?(at: StageAt): Float32Array | undefined;
}
