import { writeFileSync } from 'node:fs';
import { STAGE_NAMES, type Tensor } from '@llama-probe/dump';
import { openReference } from '@llama-probe/reference';
import { inShort, randomFrom, type TinyArchitecture, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS, type Rows } from './support/architecture-faults.js';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];

/** What an engine dumps that goes by the vocabulary: nothing between the stages of a Llama, and of the experts what they make, not which they are. */
const ENGINE: ReadonlySet<string> = new Set([
  ...STAGE_NAMES,
  ...['attn_q_a', 'attn_q_a_norm', 'q_pe', 'kv_cmpr_pe', 'kv_cmpr', 'k_pe'],
  ...['logits', 'probs', 'down', 'down_biased', 'weighted'].map((name) => `ffn_moe_${name}`),
]);

interface Found {
  readonly verdict: string;
  readonly faults: readonly { stage: string; layer: number | null; cause: { id: string; confidence: string } | null }[];
}

/**
 * An engine that shares nothing with the oracle: llama.cpp itself, with one stage of its run put in its place. What follows is computed from that, so
 * nothing but this stage is wrong.
 */
describe.each(Object.keys(FAULTS) as TinyArchitecture[])('%s', (architecture) => {
  const model = path(`${architecture}.gguf`);
  const capture = path(`${architecture}.arrow`);
  const parts = tinyArchitecture(architecture, randomFrom(5));
  let healthy: Loaded;
  let llama: Awaited<ReturnType<typeof openReference>>;

  beforeAll(async () => {
    writeFileSync(model, writeGguf(parts).bytes);
    const what = [
      '--from',
      'llama',
      '--reference',
      'exact',
      '--model',
      model,
      '--tokens',
      TOKENS.join(),
      '--steps',
      '0',
      '--no-floors', // it is held to itself
    ];
    expect((await probe(['capture', ...what, '--out', capture])).code).toBe(0);
    healthy = await loadDump(capture);
    llama = await openReference({ model, mode: 'exact' });
  });
  afterAll(() => llama?.close());

  const weight = (name: string): Float32Array => {
    const data = parts.tensors.find((tensor) => tensor.name === name)?.data;
    if (!data) throw new Error(`the model has no ${name}`);
    return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  };

  /** The run in which a stage has other rows. */
  async function ranWith(stage: string, layer: number | null, wrong: (rows: Rows) => Float32Array): Promise<string> {
    const all: Tensor[] = [];
    const stages = [...new Set([...healthy.tensors.map((tensor) => tensor.stage), stage])];
    for await (const tensor of llama.run({ tokens: TOKENS, stages }).tensors)
      all.push({ ...tensor, values: tensor.values.slice() });
    const at = (name: string, il: number | null) => all.find((tensor) => tensor.stage === name && tensor.layer === il);
    const rows: Rows = {
      weight,
      of: (name, il = layer) => at(name, il)?.values ?? expect.fail(`no rows of ${name}`),
    };
    const right = at(stage, layer) ?? expect.fail(`no rows of ${stage}`);
    const given = { ...right, values: wrong(rows) };
    const from = (async function* () {
      yield given;
    })();
    const ran: Tensor[] = [];
    for await (const tensor of llama.run({ tokens: TOKENS, stages, from }).tensors) {
      ran.push({
        ...tensor,
        values: (tensor.stage === stage && tensor.layer === layer ? given : tensor).values.slice(),
      });
    }
    return writeDump(healthy, () => ran.filter(({ stage }) => ENGINE.has(stage)));
  }

  test.each(inShort(FAULTS[architecture] ?? [], 2))(
    '$id, of $stage in layer $layer',
    async ({ id, stage, layer, shows, wrong }) => {
      const candidate = await ranWith(stage, layer, wrong);
      const { code, json } = await probeJson<Found>(['diff', candidate, capture, '--model', model]);
      expect(code).toBe(1);
      const named = json.faults.map(({ cause, ...at }) => [at.stage, at.layer, cause?.id, cause?.confidence]);
      expect(named).toEqual((shows ?? [[stage, layer]]).map(([at, il]) => [at, il, id, 'confirmed']));
    },
  );
});
