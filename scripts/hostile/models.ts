import {
  type GgufParts,
  type GgufValue,
  i32,
  list,
  text,
  texts,
  tinyLlama,
  tokenizer,
  u32,
  u64,
  writeGguf,
} from '@llama-probe/testing';
import { below, mutated, pick, type Random } from './mutations.js';
import { HOSTILE_TEXTS, hostileText } from './names.js';

const SIZES = { layers: 1, embd: 8, heads: 2, kvHeads: 1, headDim: 4, ff: 6, context: 16 };
const { tokens, metadata } = tokenizer();
const KINDS = [
  {},
  { biases: true },
  { tied: true, ropeFreqs: true },
  { architecture: 'qwen2', biases: true },
  { fused: true },
  { outputBias: true },
  { experts: 2 },
] as const;

const VALUES: readonly ((random: Random) => GgufValue)[] = [
  () => u32(0),
  () => u32(2 ** 31 - 1),
  () => i32(-1),
  () => u64((1n << 63n) - 1n),
  (random) => ({ type: 'f32', value: pick(random, [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 2.5]) }),
  (random) => text(hostileText(random)),
  () => texts([...HOSTILE_TEXTS]),
  () => list([u32(2), u32(1)]),
  () => ({ type: 'bool', value: 2 }),
  () => ({ type: 'array', of: 8, items: [], length: 1n << 60n }),
  (random) => ({ type: 'raw', of: below(random, 20), bytes: Buffer.from('0123456789abcdef') }),
];

const CHANGES: readonly ((parts: GgufParts, random: Random) => void)[] = [
  (parts, random) => {
    parts.metadata[pick(random, Object.keys(parts.metadata))] = pick(random, VALUES)(random);
  },
  (parts, random) => {
    delete parts.metadata[pick(random, Object.keys(parts.metadata))];
  },
  (parts, random) => {
    parts.metadata[hostileText(random)] = pick(random, VALUES)(random);
  },
  (parts, random) => {
    pick(random, parts.tensors).name = pick(random, [hostileText(random), pick(random, parts.tensors).name]);
  },
  (parts, random) => {
    pick(random, parts.tensors).shape = pick(random, [[], [0], [1n << 40n, 1n << 40n], [8], [1, 2, 3, 4, 5], [-1n]]);
  },
  (parts, random) => {
    pick(random, parts.tensors).type = pick(random, [below(random, 45), 0xffff, -1]);
  },
  (parts, random) => {
    parts.tensors.splice(below(random, parts.tensors.length), 1);
  },
  (parts, random) => {
    pick(random, parts.tensors).offset = pick(random, [0n, 1n, 32n, 1n << 40n, 1n << 63n]);
  },
  (parts, random) => {
    parts.alignment = pick(random, [1, 16, 64]);
  },
];

/** A small model in which something is wrong: a field, or bytes. */
export function hostileModel(random: Random): Buffer {
  const kind = pick(random, KINDS);
  const parts = tinyLlama({ ...SIZES, vocab: tokens.length, ...kind }, random);
  Object.assign(parts.metadata, metadata);
  const isField = random() < 0.4;
  if (isField) for (let left = 1 + below(random, 2); left > 0; left--) pick(random, CHANGES)(parts, random);
  const { bytes, dataOffset } = writeGguf(parts);
  return isField
    ? bytes
    : mutated(
        bytes,
        [
          [0, 64],
          [0, dataOffset],
          [dataOffset - 1200, dataOffset],
        ],
        random,
      );
}
