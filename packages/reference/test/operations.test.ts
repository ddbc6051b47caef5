import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeOperation } from '@llama-probe/dump';
import {
  randomFrom,
  TINY_SECTIONS,
  TINY_WINDOW,
  type TinyArchitecture,
  tinyArchitecture,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openReference, type Reference } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'operations-'));
const opened: Reference[] = [];
afterAll(async () => {
  for (const reference of opened) await reference.close();
  rmSync(folder, { recursive: true });
});

async function open(architecture: TinyArchitecture): Promise<Reference> {
  const model = join(folder, `${architecture}.gguf`);
  writeFileSync(model, writeGguf(tinyArchitecture(architecture, randomFrom(3))).bytes);
  const reference = await openReference({ model, mode: 'native' });
  opened.push(reference);
  return reference;
}

const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28];
const at = (nodes: readonly NodeOperation[], stage: string, layer: number | null): NodeOperation =>
  nodes.find(({ place }) => place?.stage === stage && place.layer === layer) ?? expect.fail(`no ${stage}`);
const masks = (nodes: readonly NodeOperation[]) =>
  nodes.flatMap(({ inputs }) => inputs.flatMap((input) => ('mask' in input ? [input.mask] : [])));

describe("llama.cpp's graph as data", async () => {
  const gptOss = await open('gpt-oss');
  const nodes = await gptOss.operations({ tokens: TOKENS });
  const place = (input: NodeOperation['inputs'][number] | undefined) =>
    input && 'node' in input
      ? nodes[input.node]?.place
      : input && 'cached' in input
        ? nodes[input.cached]?.place
        : input;

  test('a softmax has its scale, what its mask hides, and its sinks', () => {
    const softMax = at(nodes, 'kq_soft_max', 0);
    expect(softMax).toMatchObject({ op: 'SOFT_MAX', parameters: { scale: 1 / 4, max_bias: 0 } });
    expect(place(softMax.inputs[0])).toEqual({ stage: 'kq', layer: 0 });
    expect(softMax.inputs.slice(1)).toMatchObject([{ mask: TINY_WINDOW }, { weight: 'blk.0.attn_sinks.weight' }]);
  });

  test('views are looked through, and the cache leads to the stage that fills it', () => {
    expect(at(nodes, 'kq', 1).inputs.map(place)).toEqual([
      { stage: 'k_rope', layer: 1 },
      { stage: 'q_rope', layer: 1 },
    ]);
    const [product] = at(nodes, 'kqv_out', 1).inputs;
    const kqv = product && 'node' in product ? nodes[product.node] : undefined;
    expect(kqv?.inputs.map(place)).toEqual([
      { stage: 'v_proj', layer: 1 },
      { stage: 'kq_soft_max', layer: 1 },
    ]);
    expect(place(at(nodes, 'result_rms', null).inputs[0])).toEqual({ stage: 'l_out', layer: 1 });
  });

  test('a rotation has what the file says', () => {
    expect(at(nodes, 'q_rope', 0)).toMatchObject({ op: 'ROPE', parameters: { n_dims: 16, mode: 2, freq_base: 10000 } });
  });

  test('a mask with distances is a rule like one without, and the softmax says how steep its slopes are', async () => {
    const bloom = await (await open('bloom')).operations({ tokens: TOKENS, ubatch: 4 });
    expect(masks(bloom)).toEqual(['causal', 'causal']);
    expect(at(bloom, 'kq_soft_max', 0).parameters.max_bias).toBe(8);
  });

  test('a rotation by several positions says how many pairs each of them turns', async () => {
    const { parameters } = at(await (await open('qwen2vl')).operations({ tokens: TOKENS }), 'k_rope', 0);
    expect([0, 1, 2, 3].map((kind) => parameters[`section_${kind}`])).toEqual(TINY_SECTIONS);
  });

  test('of a gated unit it is said which', async () => {
    const gemma = await (await open('gemma3')).operations({ tokens: TOKENS });
    expect(at(gemma, 'ffn_geglu', 0).op).toBe('GEGLU');
  });

  test('a mask is the same rule however the tokens are cut, and a window that hides nothing yet is none', async () => {
    expect(masks(nodes)).toEqual([TINY_WINDOW, 'causal']);
    expect(masks(await gptOss.operations({ tokens: TOKENS, ubatch: 2 }))).toEqual([TINY_WINDOW, 'causal']);
    expect(masks(await gptOss.operations({ tokens: TOKENS.slice(0, TINY_WINDOW) }))).toEqual(['causal', 'causal']);
  });

  test('a run comes after it as if nothing had been asked', async () => {
    const logits = async () => {
      for await (const tensor of gptOss.run({ tokens: TOKENS, stages: ['result_output'] }).tensors)
        return tensor.values;
      return undefined;
    };
    const before = await logits();
    await gptOss.operations({ tokens: TOKENS });
    expect(await logits()).toEqual(before);
  });
});
