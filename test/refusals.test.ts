import { writeFileSync } from 'node:fs';
import {
  f32,
  type GgufParts,
  inShort,
  list,
  randomFrom,
  text,
  tinyLlama,
  tokenizer,
  u32,
  writeGguf,
} from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { GGML_TYPES } from '../packages/engine/src/ggml-types.js';
import { path } from './support/probe.js';
import { probe } from './support/session.js';

const SIZES = { layers: 2, embd: 256, heads: 4, kvHeads: 2, headDim: 64, ff: 256, vocab: 32, context: 16 };
const { tokens, metadata: spelling } = tokenizer();

type Change = (parts: GgufParts) => void;
const set =
  (key: string, value: GgufParts['metadata'][string]): Change =>
  ({ metadata }) => {
    metadata[`llama.${key}`] = value;
  };
const tensor = ({ tensors }: GgufParts, name: string) =>
  tensors.find((one) => one.name === name) as GgufParts['tensors'][number];
/** The first projection in another type, all zeros. */
const typed =
  (name: string): Change =>
  (parts) => {
    const [number, type] = Object.entries(GGML_TYPES).find(([, one]) => one.name === name) as [
      string,
      { elements: number; bytes: number },
    ];
    Object.assign(tensor(parts, 'blk.0.attn_q.weight'), {
      type: Number(number),
      data: new Uint8Array((256 * 256 * type.bytes) / type.elements),
    });
  };
/** A vector of halves. */
const halves =
  (name: string): Change =>
  (parts) =>
    Object.assign(tensor(parts, name), { type: 1, data: new Uint8Array(256 * 2).fill(0x3c) });
const added =
  (name: string, values: number): Change =>
  ({ tensors }) =>
    tensors.push({ name, type: 0, shape: [values], data: new Uint8Array(values * 4) });
/** Layer 1 with half as many KV heads. */
const halfTheHeads: Change = (parts) => {
  for (const name of ['blk.1.attn_k.weight', 'blk.1.attn_v.weight']) {
    const one = tensor(parts, name);
    Object.assign(one, { shape: [256, 64], data: one.data.subarray(0, 256 * 64 * 4) });
  }
};

/**
 * Variations of a Llama, and what becomes of them: `computed`, or refused with a code. Then llama.cpp runs it, or refuses it too. Every remedy
 * that a message names is carried out; a message must not name one that does not help.
 */
const VARIATIONS: readonly [string, object, readonly Change[], 'computed' | string, 'runs' | 'refuses'][] = [
  ['as it is', {}, [], 'computed', 'runs'],
  ['Q, K and V in one', { fused: true }, [], 'computed', 'runs'],
  [
    'Q, K and V in one, with their biases',
    { fused: true },
    [added('blk.0.attn_qkv.bias', 512), added('blk.1.attn_qkv.bias', 512)],
    'computed',
    'runs',
  ],
  [
    'heads for each layer, the same',
    {},
    [set('attention.head_count', list([u32(4), u32(4)])), set('feed_forward_length', list([u32(256), u32(256)]))],
    'computed',
    'runs',
  ],
  [
    'KV heads that differ',
    {},
    [set('attention.head_count_kv', list([u32(2), u32(1)])), halfTheHeads],
    'model-metadata',
    'refuses',
  ],
  [
    'heads for another number of layers',
    {},
    [set('attention.head_count', list([u32(4), u32(4), u32(4)]))],
    'model-metadata',
    'refuses',
  ],
  [
    'a vocab_size above the tokens that it has',
    { vocab: tokens.length },
    [({ metadata }) => Object.assign(metadata, spelling), set('vocab_size', u32(tokens.length + 9))],
    'computed',
    'runs',
  ],
  ['a vocab_size above the rows, without tokens', {}, [set('vocab_size', u32(40))], 'model-tensor', 'refuses'],
  ['a bias of the output projection', { outputBias: true }, [], 'computed', 'runs'],
  [
    'a bias of the feed-forward',
    {},
    [added('blk.0.ffn_up.bias', 256), added('blk.1.ffn_up.bias', 256)],
    'computed',
    'runs',
  ],
  ['attention to what comes after', {}, [set('attention.causal', { type: 'bool', value: 0 })], 'computed', 'runs'],
  ['a magnitude of RoPE', {}, [set('rope.scaling.attn_factor', f32(1.2))], 'computed', 'runs'],
  [
    'YaRN',
    {},
    [
      set('rope.scaling.type', text('yarn')),
      set('rope.scaling.factor', f32(4)),
      set('rope.scaling.original_context_length', u32(8)),
    ],
    'computed',
    'runs',
  ],
  ['a mixture of experts', { experts: 2 }, [], 'computed', 'runs'],
  [
    'values of other lengths than keys',
    {},
    [
      set('attention.value_length', u32(32)),
      (parts) => {
        for (const il of [0, 1]) {
          const v = tensor(parts, `blk.${il}.attn_v.weight`);
          Object.assign(v, { shape: [256, 64], data: v.data.subarray(0, 256 * 64 * 4) });
          const o = tensor(parts, `blk.${il}.attn_output.weight`);
          Object.assign(o, { shape: [128, 256], data: o.data.subarray(0, 256 * 128 * 4) });
        }
      },
    ],
    'model-metadata',
    'refuses',
  ],
  ['half of each head rotated', {}, [set('rope.dimension_count', u32(32))], 'model-metadata', 'refuses'],
  ['heads that KV heads do not divide', {}, [set('attention.head_count_kv', u32(3))], 'model-metadata', 'refuses'],
  ['a missing tensor', {}, [({ tensors }) => tensors.splice(3, 1)], 'model-tensor', 'refuses'],
  ['a norm of halves', {}, [halves('blk.0.attn_norm.weight')], 'model-tensor-type', 'refuses'],
  ...['Q3_K', 'IQ2_XXS', 'NVFP4'].map((type): (typeof VARIATIONS)[number] => [
    type,
    {},
    [typed(type)],
    'computed',
    'runs',
  ]),
  ...['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64'].map((type): (typeof VARIATIONS)[number] => [
    type,
    {},
    [typed(type)],
    'model-tensor-type',
    'refuses',
  ]),
];

const isComputed = ([, , , outcome]: (typeof VARIATIONS)[number]) => outcome === 'computed';

describe('a model of architecture llama, with', () => {
  // Of what is computed, every stage: test/engine-llama.test.ts.
  test.each([...VARIATIONS.filter((one) => !isComputed(one)), ...inShort(VARIATIONS.filter(isComputed), 3)])(
    '%s',
    async (_, sizes, changes, outcome, llama) => {
      const parts = tinyLlama({ ...SIZES, ...sizes }, randomFrom(1));
      parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
      for (const change of changes) change(parts);
      const model = path('variation.gguf');
      writeFileSync(model, writeGguf(parts).bytes);
      const short = ['--model', model, '--tokens', '1,2,3', '--steps', '0'];

      const { code, stdout, stderr } = await probe(['compare', ...short, '--no-floors', '--json']);
      // on a busy machine progress is told, so that stderr may say something
      if (outcome === 'computed') expect(code, stderr).toBe(0);
      else expect(JSON.parse(stdout)).toMatchObject({ error: { code: outcome } });

      const capture = await probe([
        'capture',
        '--from',
        'llama',
        '--reference',
        'native',
        ...short,
        '--no-floors',
        '--out',
        path('llama.arrow'),
      ]);
      expect(capture.code, capture.stderr).toBe(llama === 'runs' ? 0 : 2);
      if (outcome === 'computed') return;
      expect(/capture --from llama/.test(stderr), stderr).toBe(llama === 'runs');
      if (/--quantize Q8_0/.test(stderr)) {
        const requantised = await probe(['compare', ...short, '--quantize', 'Q8_0', '--no-floors']);
        expect(requantised.code, requantised.stderr).toBe(0);
      }
      if (llama === 'refuses') expect(stderr).toMatch(/Convert the model again/);
    },
  );
});
