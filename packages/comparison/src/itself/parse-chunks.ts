import { UsageError } from '../errors.js';

/** @example parseChunks('3,8') // [3, 8] @throws UsageError where one is no size of a batch */
export function parseChunks(text: string): readonly number[] {
  const sizes = text.split(',').map((part) => {
    const size = part.trim();
    if (!/^0*[1-9]\d{0,5}$/.test(size))
      throw new UsageError(`--chunks: "${size}" is not how many tokens a batch has; wanted such as 3,8.`);
    return Number(size);
  });
  return [...new Set(sizes)];
}

/** Where batches of so many tokens begin. @example batches(3, 7) // [0, 3, 6] */
export const batches = (size: number, tokens: number): readonly number[] =>
  Array.from({ length: Math.ceil(tokens / size) }, (_, i) => i * size);

/** Where batches begin of a prompt and single tokens after it. @example steps(3, 5) // [0, 3, 4] */
export const steps = (prompt: number, tokens: number): readonly number[] => [
  0,
  ...Array.from({ length: tokens - prompt }, (_, i) => prompt + i),
];

/** Of a size that is not asked for: one that is odd, so that nothing is aligned, and one that is. */
export const USUAL_CHUNKS = [3, 8] as const;
