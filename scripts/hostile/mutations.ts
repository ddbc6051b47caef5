/** Numbers from 0 to 1. */
export type Random = () => number;

export const below = (random: Random, end: number): number => Math.floor(random() * end);
export const pick = <T>(random: Random, of: readonly T[]): T => of[below(random, of.length)] as T;

/** What lengths, counts and offsets are overwritten with: nothing, one too few, signs turned, more than memory. */
const EXTREMES = [
  0n,
  1n,
  2n,
  -1n,
  -8n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  1n << 24n,
  (1n << 31n) - 1n,
  1n << 31n,
  (1n << 32n) - 1n,
];
const LONGER = [...EXTREMES, 1n << 32n, 1n << 40n, 1n << 53n, 1n << 60n, (1n << 63n) - 1n, 1n << 63n];

/** Where a file says what is in it: most changes are made there, the others anywhere. */
export type Region = readonly [begin: number, end: number];

type Mutation = (bytes: Buffer, at: number, random: Random) => Buffer;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  bit(bytes, at, random) {
    bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8));
    return bytes;
  },
  byte(bytes, at, random) {
    bytes[at] = pick(random, [0, 1, 0x1b, 0x7f, 0x80, 0x9b, 0xff, below(random, 256)]);
    return bytes;
  },
  word(bytes, at, random) {
    const begin = Math.min(at & ~3, bytes.length - 4);
    if (begin >= 0) bytes.writeUInt32LE(Number(BigInt.asUintN(32, pick(random, EXTREMES))), begin);
    return bytes;
  },
  // Also at odd places: a string's length follows another string.
  long(bytes, at, random) {
    const begin = Math.min(at, bytes.length - 8);
    if (begin >= 0) bytes.writeBigUInt64LE(BigInt.asUintN(64, pick(random, LONGER)), begin);
    return bytes;
  },
  cut: (bytes, at) => bytes.subarray(0, at),
  splice(bytes, at, random) {
    const from = below(random, bytes.length);
    const length = below(random, Math.min(256, bytes.length - from) + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)]);
  },
  remove: (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 64))]),
  swap(bytes, at, random) {
    const length = pick(random, [4, 8, 16, 24, 64]);
    const other = below(random, bytes.length);
    const [a, b] = [Buffer.from(bytes.subarray(at, at + length)), Buffer.from(bytes.subarray(other, other + length))];
    b.copy(bytes, at);
    a.copy(bytes, other);
    return bytes;
  },
  overwrite(bytes, at, random) {
    const length = below(random, 128);
    for (let i = at; i < Math.min(at + length, bytes.length); i++) bytes[i] = below(random, 256);
    return bytes;
  },
};
const NAMES = Object.keys(MUTATIONS);

/** A file with one to three things changed in its bytes. */
export function mutated(whole: Buffer, regions: readonly Region[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(whole);
  for (let left = 1 + below(random, 3); left > 0 && bytes.length > 8; left--) {
    const [begin, end] = random() < 0.85 ? pick(random, regions) : ([0, bytes.length] as const);
    const at = Math.min(begin + below(random, Math.max(1, end - begin)), bytes.length - 1);
    const mutate = MUTATIONS[pick(random, NAMES)] as Mutation;
    bytes = mutate(bytes, at, random);
  }
  return bytes;
}
