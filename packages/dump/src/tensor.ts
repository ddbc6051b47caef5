/**
 * One captured tensor: the rows of one stage for a run of token positions.
 *
 * @example { step: 0, order: 3, layer: 0, stage: 'q_proj', tokens: Int32Array [0, 1], width: 256, values: (2 × 256) }
 */
export interface Tensor {
  /** 0 is the prompt, 1… are decoded tokens. */
  readonly step: number;
  /** Evaluation order within the run. */
  readonly order: number;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly stage: string;
  readonly tokens: Int32Array; // (rows) position of each row in the sequence
  readonly width: number;
  readonly values: Float32Array; // (rows, width)
}

/** The identity of a tensor in a run: two sides are aligned by it. @example stageKey({step: 0, layer: 3, stage: 'kq'}) === '0/3/kq' */
export function stageKey(tensor: Pick<Tensor, 'step' | 'layer' | 'stage'>): string {
  return `${tensor.step}/${tensor.layer ?? '-'}/${tensor.stage}`;
}
