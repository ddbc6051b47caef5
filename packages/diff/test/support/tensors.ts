import type { Tensor } from '@llama-probe/dump';

/** A tensor of small numbers. `values` are rows of `width`; tokens count from `first`. */
export function tensor(
  stage: string,
  values: readonly number[],
  at: Partial<Tensor> & { first?: number } = {},
): Tensor {
  const { first = 0, width = values.length, ...rest } = at;
  const tokens = Int32Array.from({ length: values.length / width }, (_, row) => first + row);
  return { step: 0, order: 0, layer: 0, stage, positions: tokens, width, values: Float32Array.from(values), ...rest };
}
