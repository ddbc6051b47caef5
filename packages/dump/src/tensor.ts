/**
 * One captured tensor: the rows of one stage for a run of token positions.
 *
 * @example { step: 0, order: 3, layer: 0, stage: 'q_proj', positions: Int32Array [0, 1], width: 256, values: (2 × 256) }
 */
export interface Tensor {
  /** 0 is the prompt, 1… are decoded tokens. */
  readonly step: number;
  /** Evaluation order within the run. */
  readonly order: number;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly stage: string;
  readonly positions: Int32Array; // (rows) where each row is in the sequence
  readonly width: number;
  readonly values: Float32Array; // (rows, width)
  /** (width) of which columns of the stage the values are, in an excerpt that does not have all of them. */
  readonly columns?: Int32Array;
}
