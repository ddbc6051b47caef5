import type { TensorReport } from './report.js';

/** Tensors of one type and shape with the same bytes, in the file's order. Nothing but zeros, or but one number, is no copy of anything. */
export function duplicatesOf(tensors: readonly TensorReport[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const { name, type, shape, hash, statistics } of tensors) {
    if (statistics && statistics.min === statistics.max) continue;
    const key = `${type} ${shape.join()} ${hash}`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()].filter((names) => names.length > 1);
}
