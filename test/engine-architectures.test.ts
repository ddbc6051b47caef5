import { writeFileSync } from 'node:fs';
import {
  f32,
  type GgufValue,
  inShort,
  randomFrom,
  type TinyArchitecture,
  tinyArchitecture,
  u32,
  writeGguf,
} from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { expectAgreement, PROMPT } from './support/agreement.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { brokenShaders, type Patch } from './support/shaders.js';

/** The architectures that the engine computes, beside a Llama, and stages of each that a Llama has not. */
const COMPUTED: Readonly<Partial<Record<TinyArchitecture, readonly string[]>>> = {
  qwen3: ['q_rms', 'Qcur_normed', 'k_rms', 'Kcur_normed'],
  olmo2: ['q_rms', 'Kcur_normed', 'attn_post_rms', 'attn_post_norm', 'ffn_post_rms', 'ffn_post_norm'],
  granite: [],
  gemma2: ['inp_scaled', 'attn_post_rms', 'sa_out', 'ffn_geglu', 'ffn_post_norm'],
  gemma3: ['inp_scaled', 'q_rms', 'Kcur_normed', 'attn_post_rms', 'sa_out', 'ffn_geglu', 'ffn_post_norm'],
  phi3: ['Qcur'],
  smollm3: [],
  mistral3: ['Qcur_attn_temp_scaled'],
  qwen3moe: ['q_rms', 'ffn_moe_logits', 'ffn_moe_topk', 'ffn_moe_weights_norm', 'ffn_moe_swiglu', 'ffn_moe_out'],
  'gpt-oss': ['attn_post_rms', 'ffn_moe_topk', 'ffn_moe_up_biased', 'ffn_moe_swiglu_oai', 'ffn_moe_out'],
};
const NAMES = Object.keys(COMPUTED) as TinyArchitecture[];

function modelFile(name: TinyArchitecture, metadata: Readonly<Record<string, GgufValue>> = {}): string {
  const parts = tinyArchitecture(name, randomFrom(5));
  for (const [key, value] of Object.entries(metadata)) parts.metadata[`${name}.${key}`] = value;
  const file = path(`engine-${name}.gguf`);
  writeFileSync(file, writeGguf(parts).bytes);
  return file;
}

describe('an architecture in the engine is what llama.cpp makes of it', () => {
  test.each(NAMES)('%s', async (name) => {
    const { stages } = await expectAgreement(modelFile(name));
    expect([...new Set(stages.map(({ stage }) => stage))]).toEqual(expect.arrayContaining([...(COMPUTED[name] ?? [])]));
  });

  test.each<[string, TinyArchitecture, Record<string, GgufValue>]>([
    ['a window in three of four layers', 'olmo2', { 'attention.sliding_window': u32(5) }],
    ['a part of each head turned', 'phi3', { 'rope.dimension_count': u32(8) }],
    ['a part of each head turned', 'gemma3', { 'rope.dimension_count': u32(10) }],
    ['no window', 'gemma3', { 'attention.sliding_window': u32(0) }],
    ['no rotation', 'granite', { 'rope.scaling.finetuned': { type: 'bool', value: 0 } }],
    [
      'scaled positions outside the windows',
      'gemma3',
      { 'rope.scaling.factor': f32(8), 'attention.sliding_window_pattern': u32(2) },
    ],
  ])('%s: %s', async (_, name, metadata) => {
    await expectAgreement(modelFile(name, metadata));
  });

  test.each<[TinyArchitecture, string]>([
    ['qwen3moe', 'Q8_0'],
    ['gpt-oss', 'Q4_0'],
  ])('%s with weights of %s', async (name, type) => {
    await expectAgreement(modelFile(name), '--quantize', type);
  });

  test.runIf(process.platform === 'linux' && process.arch === 'x64')('on SwiftShader too', async () => {
    await expectAgreement(modelFile('gemma2'), '--adapter', 'swiftshader');
  });
});

interface Found {
  readonly faults: ReadonlyArray<{ readonly stage: string; readonly layer: number | null }>;
  readonly stages: ReadonlyArray<{
    readonly stage: string;
    readonly verdict: string;
    readonly inherits: { readonly stage: string } | null;
  }>;
}

/** packages/engine/test/mutations.ts breaks these kernels too, but for the experts' product, which is in the middle. */
const BROKEN: readonly (readonly [TinyArchitecture, string, Patch])[] = [
  [
    'qwen3',
    'q_rms',
    { file: 'rms_norm.wgsl', before: 'partial[0] / f32(width)', after: 'partial[0] / f32(width * parts)' },
  ],
  ['gpt-oss', 'kq_soft_max', { file: 'soft_max_sinks.wgsl', before: ' + exp(sink - highest)', after: '' }],
  [
    'qwen3moe',
    'ffn_moe_down',
    { file: 'experts_mul_mat.wgsl', before: 'select(slot / used, slot, per_expert == 1u)', after: '(slot / used)' },
  ],
  ['gemma3', 'ffn_geglu', { file: 'geglu.wgsl', before: '0.044715 *', after: '0.44715 *' }],
  [
    'gemma2',
    'kq_soft_max',
    { file: 'soft_cap.wgsl', before: 'cap * exact_tanh(x[i] / cap)', after: 'clamp(x[i], -cap, cap)' },
  ],
];

describe('a kernel that is broken is found at its stage, and all else inherits it', () => {
  test.each(inShort(BROKEN, 3))('%s: %s', async (name, stage, patch) => {
    const env = { LLAMA_PROBE_SHADERS: brokenShaders([patch]) };
    const { code, json } = await probeJson<Found>(
      ['compare', '--model', modelFile(name), '--tokens', PROMPT.join(), '--steps', '0', '--reference', 'exact'],
      { env },
    );
    expect(code).toBe(1);
    expect(json.faults[0]).toMatchObject({ stage, layer: 0 });
    const isFaulty = new Set(json.faults.map((fault) => fault.stage));
    const others = json.stages.filter((one) => one.verdict === 'diverged' && !isFaulty.has(one.stage));
    expect(others.length).toBeGreaterThan(5);
    for (const { inherits, stage: other } of others) expect(inherits, other).not.toBeNull();
  });
});

test('a capture of the engine has the stages and the graph of the model, and what must hold of them does', async () => {
  const out = path('engine-gemma3.arrow');
  const model = modelFile('gemma3');
  const run = ['--model', model, '--tokens', PROMPT.join(), '--steps', '1', '--out', out];
  expect((await probe(['capture', '--from', 'webgpu', ...run])).code).toBe(0);
  const check = await probeJson<{ broken: unknown[]; checked: Record<string, number> }>(['check', out]);
  expect({ code: check.code, broken: check.json.broken }).toEqual({ code: 0, broken: [] });
  expect(check.json.checked['rope-norm']).toBeGreaterThan(0);
  const against = path('llama-gemma3.arrow');
  const llama = ['--model', model, '--tokens', PROMPT.join(), '--steps', '0', '--reference', 'exact', '--out', against];
  expect((await probe(['capture', '--from', 'llama', ...llama])).code).toBe(0);
  expect((await probe(['diff', out, against])).code).toBe(0);
});

test('what the engine does not compute is refused, where it was asked for, with what does it all the same', async () => {
  const model = modelFile('starcoder2');
  const run = ['compare', '--model', model, '--tokens', '1,2', '--candidate', 'webgpu'];
  const { code, stderr } = await probe(run);
  expect(code).toBe(2);
  for (const words of ['"starcoder2"', '"gemma3"', 'capture --from llama', '--engine']) expect(stderr).toContain(words);
});
