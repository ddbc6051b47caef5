import { writeFileSync } from 'node:fs';
import {
  f32,
  type GgufValue,
  type LlamaSizes,
  list,
  randomFrom,
  text,
  tinyLlama,
  u32,
  writeGguf,
} from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { expectAgreement } from './support/agreement.js';
import { path } from './support/probe.js';
import { probe } from './support/session.js';

const sizes: LlamaSizes = {
  layers: 2,
  embd: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ff: 40,
  vocab: 64,
  context: 1024,
};

interface Variation {
  readonly sizes?: Partial<LlamaSizes>;
  readonly metadata?: Readonly<Record<string, GgufValue>>;
}

function modelFile(name: string, { sizes: own = {}, metadata = {} }: Variation): string {
  const parts = tinyLlama({ ...sizes, ...own }, randomFrom(7));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  for (const [key, value] of Object.entries(metadata)) parts.metadata[`llama.${key}`] = value;
  const file = path(`${name.replace(/\W+/g, '-')}.gguf`);
  writeFileSync(file, writeGguf(parts).bytes);
  return file;
}

const yarn = { 'rope.scaling.type': text('yarn'), 'rope.scaling.factor': f32(4) };
const longRope = { 'rope.scaling.type': text('longrope'), 'rope.scaling.factor': f32(2) };

// Each has numbers that matter: with the variation left out, stages differ by much more than rounding makes them.
const VARIATIONS: Readonly<Record<string, Variation>> = {
  'biases of attention and feed-forward': { sizes: { biases: true, outputBias: true, ffBiases: true } },
  'one matrix for Q, K and V, with biases apart': { sizes: { fused: true, biases: true } },
  'rope.scaling.attn_factor': { metadata: { 'rope.scaling.attn_factor': f32(1.3) } },
  YaRN: { metadata: { ...yarn, 'rope.scaling.original_context_length': u32(128) } },
  'YaRN, and keys of it that llama.cpp does not read of a Llama': {
    metadata: {
      ...yarn,
      'rope.scaling.original_context_length': u32(64),
      'rope.scaling.attn_factor': f32(1.2),
      'rope.scaling.yarn_beta_fast': f32(8),
      'rope.scaling.yarn_beta_slow': f32(2),
      'rope.scaling.yarn_log_multiplier': f32(0.7),
    },
  },
  'longrope with its long factors': {
    sizes: { longRope: true },
    metadata: { ...longRope, 'rope.scaling.original_context_length': u32(128) },
  },
  'longrope with its short factors': {
    sizes: { longRope: true },
    metadata: { ...longRope, 'rope.scaling.original_context_length': u32(512) },
  },
  'attention to what comes after': { metadata: { 'attention.causal': { type: 'bool', value: 0 } } },
  'a mixture of experts': { sizes: { experts: 5 } },
  'a number for each layer': {
    metadata: {
      'attention.head_count': list([u32(4), u32(4)]),
      'attention.head_count_kv': list([u32(2), u32(2)]),
      feed_forward_length: list([u32(40), u32(40)]),
    },
  },
};

describe('every variation of a Llama is what llama.cpp makes of it', () => {
  test.each(Object.entries(VARIATIONS))('%s', async (name, variation) => {
    await expectAgreement(modelFile(name, variation));
  });

  test('a stage before each bias of the feed-forward, as llama.cpp has it', async () => {
    const model = modelFile('stages of biases', VARIATIONS['biases of attention and feed-forward'] as Variation);
    const { stages } = await expectAgreement(model);
    for (const name of ['ffn_gate', 'ffn_gate_b', 'ffn_up', 'ffn_up_b', 'ffn_down', 'ffn_out'])
      expect(stages.map(({ stage }) => stage)).toContain(name);
  });

  test('a hyperparameter that nothing is done with is told', async () => {
    const model = modelFile('unread', { metadata: { 'attention.clamp_kqv': f32(8) } });
    const { code, stdout } = await probe(['compare', '--model', model, '--tokens', '1,2,3']);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain('llama.attention.clamp_kqv (8)');
  });
});
