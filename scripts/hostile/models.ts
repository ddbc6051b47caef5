import { GGML_TYPES } from '@llama-probe/engine';
import {
  type GgufParts,
  type GgufValue,
  i32,
  list,
  TINY_ARCHITECTURES,
  text,
  texts,
  tinyArchitecture,
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

/** A row is a block of the largest ones. */
const WIDE = { layers: 1, embd: 256, heads: 4, kvHeads: 2, headDim: 64, ff: 256, context: 16, vocab: 32 };
const TYPES = Object.entries(GGML_TYPES).map(([number, type]) => ({ ...type, number: Number(number) }));

/** A Llama, one whose matrices are random blocks of a type, or a model of another architecture. */
function smallModel(random: Random): GgufParts {
  const which = random();
  if (which < 0.3) return tinyArchitecture(pick(random, TINY_ARCHITECTURES), random);
  if (which < 0.5) return typedModel(random);
  const parts = tinyLlama({ ...SIZES, vocab: tokens.length, ...pick(random, KINDS) }, random);
  Object.assign(parts.metadata, metadata);
  return parts;
}

function typedModel(random: Random): GgufParts {
  const parts = tinyLlama(WIDE, random);
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  const { number, elements, bytes } = pick(random, TYPES);
  for (const tensor of parts.tensors) {
    if (tensor.shape.length < 2 || (random() < 0.2 && tensor.name !== 'blk.0.attn_q.weight')) continue;
    const count = tensor.shape.reduce((product: number, length) => product * Number(length), 1);
    Object.assign(tensor, { type: number, data: noise((count / elements) * bytes, random) });
  }
  return parts;
}

const noise = (length: number, random: Random): Uint8Array => Uint8Array.from({ length }, () => below(random, 256));

/** Weights of any bits: zeros, subnormal numbers, infinities, NaN. Everything that says what they are is right. */
function withHostileWeights(parts: GgufParts, random: Random): void {
  for (let left = 1 + below(random, 3); left > 0; left--) {
    const { data } = pick(random, parts.tensors);
    const at = below(random, data.length) & ~3;
    const length = Math.min(data.length - at, pick(random, [4, 64, data.length]));
    data.set(
      pick(random, [() => noise(length, random), () => new Uint8Array(length).fill(pick(random, [0, 0xff]))])(),
      at,
    );
  }
}

/** A small model in which something is wrong: a field, bytes, or weights. */
export function hostileModel(random: Random): Buffer {
  const parts = smallModel(random);
  const where = random();
  if (where < 0.25) withHostileWeights(parts, random);
  else if (where < 0.55) {
    for (let left = 1 + below(random, 2); left > 0; left--) pick(random, CHANGES)(parts, random);
  }
  const { bytes, dataOffset } = writeGguf(parts);
  const isDone = where < 0.55;
  return isDone
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
