import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeKey } from '@llama-probe/dump';
import { randomFrom, type TinyArchitecture, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import { openReference, type RunOptions } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'names-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TOKENS = [1, 40, 41, 26, 37];

/** What llama.cpp itself gives no name, the name of several, or none of a layer: what is captured in its place, in every layer. */
const NAMED: Readonly<Partial<Record<TinyArchitecture, readonly string[]>>> = {
  deepseek2: ['attn_q_a', 'attn_q_a_rms', 'attn_q_a_norm', 'q_proj', 'q_pe', 'attn_kv_a_rms', 'kv_cmpr', 'attn_out'],
  gemma2: ['attn_rms', 'attn_out', 'attn_post_rms', 'ffn_rms', 'ffn_post_rms', 'ffn_post_norm'],
  gemma3: ['attn_rms', 'q_rms', 'k_rms', 'attn_out', 'attn_post_rms', 'ffn_rms', 'ffn_post_rms', 'ffn_post_norm'],
  'gpt-oss': ['attn_rms', 'attn_out', 'attn_post_rms'],
  granite: ['attn_rms', 'attn_out', 'ffn_rms'],
  olmo2: ['q_rms', 'k_rms', 'attn_out', 'attn_post_rms', 'ffn_post_rms', 'ffn_post_norm'],
  phi3: ['attn_rms', 'attn_out', 'ffn_inp', 'ffn_rms'],
  qwen3: ['attn_rms', 'q_rms', 'k_rms', 'attn_out', 'ffn_rms'],
  qwen3moe: ['attn_rms', 'q_rms', 'k_rms', 'attn_out', 'ffn_rms'],
  starcoder2: ['attn_ln', 'attn_norm_w', 'attn_norm', 'attn_out', 'ffn_ln', 'ffn_norm_w', 'ffn_norm'],
};

describe.each(Object.keys(NAMED) as TinyArchitecture[])('%s', async (architecture) => {
  const model = join(folder, `${architecture}.gguf`);
  writeFileSync(model, writeGguf(tinyArchitecture(architecture, randomFrom(3))).bytes);
  const reference = await openReference({ model, mode: 'native' });
  afterAll(() => reference.close());
  const places = async (stages: RunOptions['stages'], layers?: number[]) => {
    const all: { stage: string; layer: number | null }[] = [];
    for await (const { stage, layer } of reference.run({ tokens: TOKENS, stages, layers }).tensors)
      all.push({ stage, layer });
    return all;
  };
  const captured = await places('all');

  test('each norm is called after who uses it, and what has no name or no layer after its weight, or what it adds', () => {
    for (const stage of NAMED[architecture] ?? []) {
      const layers = captured.filter((at) => at.stage === stage).map(({ layer }) => layer);
      expect(layers, stage).toEqual([0, 1]);
    }
    const whole = new Set(captured.filter(({ layer }) => layer === null).map(({ stage }) => stage));
    const norm = architecture === 'starcoder2' ? ['result_ln', 'result_norm_w'] : ['result_rms'];
    const scaled = architecture.startsWith('gemma') ? ['inp_scaled'] : [];
    expect([...whole].sort()).toEqual(['embd', ...scaled, ...norm, 'result_norm', 'result_output'].sort());
    expect(captured.filter(({ stage }) => /^norm|\.\d+$/.test(stage))).toEqual([]);
  });

  test('a graph that is looked at first has the same names as one that is captured as it goes', async () => {
    const nodes = await reference.operations({ tokens: TOKENS });
    const looked = nodes.flatMap(({ place }) => (place ? [placeKey(place)] : []));
    expect(looked).toEqual(captured.map(placeKey));
  });

  test('a norm can be asked for by its name, of one layer', async () => {
    const [stage = ''] = (NAMED[architecture] ?? []).filter((name) => /_(rms|ln)$/.test(name)).slice(-1);
    expect(await places([stage], [1])).toEqual([{ stage, layer: 1 }]);
  });
});
