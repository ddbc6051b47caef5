import type { Tensor } from '@llama-probe/dump';
import type { Sight } from './config.js';

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
  /** By llama.cpp's name. */
  readonly stage: string;
  readonly width: number;
  /** Of scores: what a token sees; all up to it without. */
  readonly sight?: Sight;
}

/** What was recorded so far in this pass: in the layer that is being computed and the one before, embd with layer 0. */
export interface RecordedSoFar {
  /**
   * The rows that the pass has gone on from: overwrite()'s where it gave some. Where it did not, whoever reads the run's tensors has
   * the same array: do not write to it.
   *
   * @returns undefined for what record() did not ask for and for what is further back. The KV cache's rows of earlier passes are
   * for the hook to keep: at `kq`, k_rope's; at `kqv_out`, v_proj's.
   */
  get(stage: string, layer: number | null): Tensor | undefined;
}

/**
 * Rows to inject, computed from what this very run has made of the stage's inputs; record() must have asked for those. Called when
 * the GPU has got as far as the stage and every tensor before it was read. What it throws ends the run. Without rows the stage stays as the
 * kernel has computed it.
 */
export type Later = (recorded: RecordedSoFar) => Float32Array | undefined | Promise<Float32Array | undefined>;

/**
 * The one hook: called after each stage, in the order of the model, inject() before record() before overwrite(). Rows are
 * (tokens, width), and are copied when they are given. Copies both ways happen on the GPU within the submit of the pass; only a
 * Later makes it submit, read back and wait before the stage is done.
 *
 * @example const freeRun: Hook = { record: (at) => at.stage === 'q_rope' };
 * @example const fromHealthy: Hook = { record: () => true, overwrite: (at) => healthy[at.order]?.values };
 * @example
 * const faulty: Hook = {
 *   record: (at) => at.stage === 'q_proj',
 *   inject: ({ stage, layer }) => (stage === 'q_rope' ? (recorded) => halves(recorded.get('q_proj', layer)) : undefined),
 * };
 */
export interface Hook {
  /** Awaited before each layer, so that its rows can be fetched: embd counts as layer 0, the last stages as layer null. */
  prepare?(at: LayerAt): Promise<void> | undefined;
  /** Rows in place of what the kernel has computed: they are recorded, and the pass goes on from them. */
  inject?(at: StageAt): Float32Array | Later | undefined;
  /** Whether to copy this stage out. */
  record(at: StageAt): boolean;
  /** Rows for the pass to go on from: all of the stage's, or its last ones. The record keeps what was computed. */
  overwrite?(at: StageAt): Float32Array | undefined;
}
