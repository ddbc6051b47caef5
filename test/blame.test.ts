import { beforeAll, describe, expect, test } from 'vitest';
import { BUNDLED } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const sick = path('blame-sick.arrow');
const TOKENS = ['--tokens', '1,338,292,921,970', '--steps', '0'];
const model = ['--model', BUNDLED];

beforeAll(async () => {
  const args = ['capture', '--from', 'webgpu', ...TOKENS, '--inject', 'rope-halves@1,rms-sum@3', '--out', sick];
  expect((await probe(args)).code).toBe(0);
});

describe('a run that is over, without a dump of llama.cpp', () => {
  test('has the faults, and their causes, that it has beside one', async () => {
    const reference = path('blame-reference.arrow');
    const { code: captured } = await probe(['capture', '--from', 'llama', ...TOKENS, '--out', reference]);
    expect(captured).toBe(0);
    const beside = await probeJson(['diff', sick, reference, ...model]);
    const { code, json } = await probeJson(['blame', sick, ...model]);
    expect(code).toBe(1);
    const faultsOf = ({ faults }: typeof json) =>
      faults?.map(({ stage, layer, cause }) => [stage, layer, cause?.id, cause?.confidence]);
    expect(faultsOf(json)).toEqual(
      expect.arrayContaining([
        ['q_rope', 1, 'rope-halves', 'confirmed'],
        ['k_rope', 1, 'rope-halves', 'confirmed'],
      ]),
    );
    expect(faultsOf(json)).toEqual(faultsOf(beside.json));
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 1 });
    expect(json.stages.map(({ local }) => local)).not.toContain(null);
    expect(json.reference).toMatchObject({ name: 'llama.cpp', mode: 'exact' });
  });

  test('is judged in the part that was asked for, and goes on from all of its rows', async () => {
    const { code, json } = await probeJson(['blame', sick, ...model, '--stages', 'ffn_*,result_*']);
    expect(json.faults?.map(({ stage, layer, cause }) => [stage, layer, cause?.id])).toEqual([
      ['ffn_rms', 3, 'rms-sum'],
    ]);
    expect(json.reason).toContain('Not judged, as it was asked');
    expect(code).toBe(1);
    // What is wrong before it is not asked about, and what only inherits that has no fault.
    const inherited = await probeJson(['blame', sick, ...model, '--layers', '0']);
    expect(inherited.json).toMatchObject({ verdict: 'diverged', faults: [] });
    expect(inherited.json.reason).toContain("From the candidate's own inputs no stage is wrong");
  });

  test('of another model is refused', async () => {
    const other = path('blame-other.arrow');
    expect((await probe(['capture', '--from', 'webgpu', ...TOKENS, '--quantize', 'Q8_0', '--out', other])).code).toBe(
      0,
    );
    const { code, json } = await probeJson(['blame', other, ...model]);
    expect(json).toMatchObject({ error: { code: 'usage' } });
    expect(code).toBe(2);
  });

  test('needs the model', async () => {
    const { code, stderr } = await probe(['blame', sick]);
    expect(stderr).toContain("probe: required option '-m, --model <file>' not specified");
    expect(code).toBe(2);
  });
});
