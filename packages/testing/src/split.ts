import { type GgufParts, i32, parseGguf, u16, writeGguf } from './gguf.js';

/** What of a split a test damages. */
export interface Split {
  /** How many tensors the first part has, the second, …; the last has the rest. */
  readonly tensors: readonly number[];
  /** Changes a part before it is written. */
  readonly change?: (part: GgufParts, no: number) => void;
}

/**
 * The parts of a model as llama.cpp's gguf-split writes them: all metadata in the first, three keys in each, and tensors at offsets of the part's own.
 * Source: tools/gguf-split of llama.cpp v0.5.0.
 *
 * @example splitGguf(readFileSync('model.gguf'), { tensors: [10, 10] }) // three
 */
export function splitGguf(bytes: Buffer, { tensors: counts, change }: Split): Buffer[] {
  const { metadata, tensors, data } = parseGguf(bytes);
  const begins = [...tensors.map(({ offset }) => Number(offset)), data.length].sort((a, b) => a - b);
  const whole = tensors.map(({ offset, ...tensor }) => ({
    ...tensor,
    data: data.subarray(
      Number(offset),
      begins.find((begin) => begin > Number(offset)),
    ),
  }));
  return [...counts, whole.length].map((count, no) => {
    const part: GgufParts = {
      metadata: {
        ...(no === 0 ? metadata : {}),
        'split.no': u16(no),
        'split.count': u16(counts.length + 1),
        'split.tensors.count': i32(tensors.length),
      },
      tensors: whole.splice(0, count),
    };
    change?.(part, no);
    return writeGguf(part).bytes;
  });
}

/** @example splitNames('model', 3)[0] === 'model-00001-of-00003.gguf' */
export const splitNames = (stem: string, count: number): string[] =>
  Array.from({ length: count }, (_, no) => `${stem}-${five(no + 1)}-of-${five(count)}.gguf`);

const five = (n: number): string => String(n).padStart(5, '0');
