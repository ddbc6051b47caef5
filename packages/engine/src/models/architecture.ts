import type { LlamaConfig } from '../config.js';
import type { TensorInfo } from '../gguf.js';
import type { Keys } from '../keys.js';
import type { LayerTensors, Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { YarnOf } from '../rope-config.js';
import type { State } from '../state.js';

/** Called after each stage with its rows: its name is llama.cpp's, as a dump has it. `il` is null for what belongs to the whole model. */
export type OnStage = (stage: string, il: number | null, rows: GPUBuffer) => void;

/**
 * One pass over the tokens of `s.tokens`, at the positions of `s.batch`. After each stage the hook is called; after each layer the pass yields,
 * and what was encoded so far may be submitted.
 *
 * @example for (const _ of forward(op, model, state, hook)) progress(); commands.submit();
 */
export type Forward = (op: Operations, m: Model, s: State, hook: OnStage, config: LlamaConfig) => Generator<void>;

/** Asks for the tensors of a layer by their names in the file, without layer and ending. @throws ModelError for what is not there, or another shape */
export interface LayerWants {
  weight(name: string, shape: number[]): TensorInfo;
  /** Where the file has it. */
  optional(name: string, shape: number[]): TensorInfo | undefined;
  /** The same of a bias. */
  bias(name: string, ...shape: number[]): TensorInfo | undefined;
  requiredBias(name: string, ...shape: number[]): TensorInfo;
}

/** What tells an architecture from the others. */
export interface Architecture {
  readonly ropePairs: LlamaConfig['ropePairs'];
  /** Only the first values of a head may be turned. llama.cpp aborts on the others where rope.dimension_count is not the length of a head. */
  readonly turnsPart?: true;
  /** Without experts its stages are those of the vocabulary. */
  readonly isPlain?: true;
  /** It may be a mixture of experts. */
  readonly experts?: true;
  /** What it has beside what all have, and what it has in its place. @throws ModelError */
  hyperparameters?(keys: Keys, base: LlamaConfig): Partial<LlamaConfig>;
  /** YaRN's own numbers, where llama.cpp reads them of this architecture. */
  readonly yarn?: YarnOf;
  layer(wants: LayerWants, config: LlamaConfig, il: number): Partial<LayerTensors>;
  readonly forward: Forward;
}
