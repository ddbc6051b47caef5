import { join } from 'node:path';
import { isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { BUNDLED } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

const TOKENS = '1,403,407,261,378,432,286,417,280,403,366,279';
const THREE = 'embd,l_out,result_output';

interface Suspect {
  readonly id: string;
  readonly at?: readonly { readonly stage: string; readonly layer: number | null }[];
}

interface Said {
  readonly verdict: string;
  readonly reason: string;
  readonly faults: readonly {
    readonly stage: string;
    readonly layer: number | null;
    readonly diagnosis: {
      readonly confidence: string;
      readonly text: string;
      readonly candidates: readonly Suspect[];
      readonly indistinguishable: readonly string[];
    } | null;
  }[];
}

/** A bug in each layer, and the stages that it acts in. Of those that make the same numbers, the others. */
const EVERY: readonly (readonly { readonly id: string; readonly at: string; readonly or?: readonly string[] }[])[] = [
  [
    { id: 'rms-eps', at: 'attn_rms,ffn_rms' },
    { id: 'rope-halves', at: 'q_rope,k_rope', or: ['qk-permutation'] },
    { id: 'activation-gelu', at: 'ffn_swiglu' },
    { id: 'residual-missing', at: 'ffn_inp,l_out' },
  ],
  [
    { id: 'mask-missing', at: 'kq_soft_max', or: ['mask-after-softmax'] },
    { id: 'gqa-tiled', at: 'kq,kqv_out', or: ['head-order'] },
    { id: 'rope-theta', at: 'q_rope,k_rope' },
    { id: 'norm-weight-missing', at: 'attn_norm,ffn_norm' },
  ],
  [
    { id: 'attention-scale-missing', at: 'kq_soft_max' },
    { id: 'cache-layout', at: 'kq,kqv_out' },
    { id: 'heads-not-merged', at: 'kqv_out' },
    { id: 'gate-up-interleaved', at: 'ffn_swiglu' },
  ],
];

/** The dump of an engine with these bugs, as somebody makes it who begins with three stages. */
async function dumpOf(name: string, inject: string): Promise<string> {
  const folder = path(name);
  const run = ['--tokens', TOKENS, '--steps', '0', '--stages', THREE, '--no-blame'];
  await probe(['compare', ...run, '--inject', inject, '--out', folder]);
  return join(folder, 'candidate.arrow');
}

// One bug of a stretch, on the pages' own engine: find-a-divergence.test.ts and skill.test.ts.
describe.runIf(isLong)('a dump of embd, l_out and result_output', () => {
  const reference = path('three-stages-reference.arrow');
  beforeAll(async () => {
    await probe(['capture', '--from', 'llama', '--tokens', TOKENS, '--steps', '0', '--out', reference]);
  });

  test.each(EVERY.map((bugs, i) => ({ bugs, i })))('names the bug of each layer, run $i', async ({ bugs, i }) => {
    const dump = await dumpOf(`three-stages-${i}`, bugs.map(({ id }, layer) => `${id}@${layer}`).join());
    const { code, json } = await probeJson<Said>(['diff', dump, reference, '--model', BUNDLED]);
    expect(code).toBe(1);
    expect(json.faults.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(
      bugs.map((_, layer) => `l_out ${layer}`),
    );
    for (const [layer, { id, at, or = [] }] of bugs.entries()) {
      const { confidence, text, candidates = [], indistinguishable } = json.faults[layer]?.diagnosis ?? {};
      const told = candidates.find((one) => one.id === id);
      expect(confidence, text).toBe('likely');
      expect([candidates[0]?.id, ...(indistinguishable ?? [])].sort(), text).toEqual([id, ...or].sort());
      expect(told?.at?.map((place) => place.stage).join(), text).toBe(at);
      expect(text).toMatch(RegExp(`^Likely, not confirmed: .* of layer ${layer}`));
      if (at !== 'ffn_inp,l_out') expect(text).toContain('To make sure, dump ');
    }
    expect(json.reason).toContain('The cause is likely: ');
    expect(json.reason).toContain('capture there: --stages attn_rms,');
  });
});
