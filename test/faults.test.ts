import { inShort } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { expectFaults, inEveryLayer } from './support/inheritance.js';
import { firstBlocks } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import type { Patch } from './support/shaders.js';
import { broken, WRONG, wrong } from './support/wrong-kernels.js';

const PROMPT = ['--prompt', 'Hello, my friend!'];

/** A kernel gone wrong, where that must be found first, and the name that it must get. */
interface Fault {
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly first: { stage: string; layer: number | null; step: number };
  /** Which token shows it first; without it any but the one at position 0, which is blind to it. */
  readonly token?: number;
  /** Its id in the catalogue; null where it must get none. Not given where the adapter decides: what a write past the cache's end does. */
  readonly id?: string | null;
  /** Every stage with a fault of its own, and the steps at which it shows; all else that diverged must inherit from them. */
  readonly everywhere?: readonly [stages: readonly string[], steps: readonly number[]];
  readonly args?: readonly string[];
}

const FAULTS: readonly Fault[] = [
  {
    name: 'RoPE turns the halves of a head instead of adjacent pairs',
    patches: WRONG.ropeHalves,
    first: { stage: 'q_rope', layer: 0, step: 0 },
    id: 'rope-halves',
    everywhere: [inEveryLayer('q_rope', 'k_rope'), [0, 1]],
  },
  {
    name: 'RoPE turns the other way',
    patches: [
      { file: 'rope.wgsl', before: 'a * r.x - b * r.y', after: 'a * r.x + b * r.y' },
      { file: 'rope.wgsl', before: 'a * r.y + b * r.x', after: 'b * r.x - a * r.y' },
    ],
    first: { stage: 'q_rope', layer: 0, step: 0 },
    id: 'rope-direction',
  },
  {
    name: 'RoPE starts again at position 0 in every pass',
    patches: WRONG.ropeRestarts,
    first: { stage: 'q_rope', layer: 0, step: 1 },
    id: 'rope-position-restarts',
  },
  {
    name: 'RMSNorm takes the sum for the mean',
    patches: [{ file: 'rms_norm.wgsl', before: 'partial[0] / f32(width)', after: 'partial[0]' }],
    first: { stage: 'attn_rms', layer: 0, step: 0 },
    token: 0,
    id: 'rms-sum',
  },
  {
    name: 'the norm weight is applied twice',
    patches: [{ file: 'mul.wgsl', before: 'w[i % length]', after: 'w[i % length] * w[i % length]' }],
    first: { stage: 'attn_norm', layer: 0, step: 0 },
    token: 0,
    id: 'norm-weight-twice',
  },
  {
    name: 'query heads take the KV heads in turns (0 1 0 1) instead of in groups (0 0 1 1)',
    patches: [{ file: 'kq.wgsl', before: '(heads / kv_heads)', after: '1u % kv_heads' }],
    first: { stage: 'kq', layer: 0, step: 0 },
    token: 0,
    id: 'gqa-tiled',
  },
  {
    name: 'the values are taken from the KV heads in turns',
    patches: WRONG.valuesInTurns,
    first: { stage: 'kqv_out', layer: 0, step: 0 },
    token: 0,
    id: 'gqa-tiled',
  },
  {
    name: 'the scores are not scaled',
    patches: WRONG.unscaled,
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
    id: 'attention-scale-missing',
    everywhere: [inEveryLayer('kq_soft_max'), [0, 1]],
  },
  {
    name: 'the mask lets each token see the next one',
    patches: WRONG.maskOff,
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
    token: 0,
    id: 'mask-off-by-one',
  },
  {
    name: 'the mask hides the token itself',
    patches: [{ file: 'soft_max.wgsl', before: 'row / heads + 1u,', after: 'max(row / heads, 1u),' }],
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
    id: null,
  },
  {
    name: 'the cache is written one position too far',
    patches: WRONG.cacheOneOn,
    first: { stage: 'kq', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'a decoded token is written over the first one of the cache',
    patches: WRONG.cacheAtZero,
    first: { stage: 'kq', layer: 0, step: 1 },
    id: null,
    everywhere: [inEveryLayer('kq', 'kqv_out'), [1]],
  },
  {
    name: "SwiGLU with GELU's approximation in place of SiLU",
    patches: WRONG.gelu,
    first: { stage: 'ffn_swiglu', layer: 0, step: 0 },
    token: 0,
    id: 'activation-gelu',
    everywhere: [inEveryLayer('ffn_swiglu'), [0, 1]],
  },
  {
    name: 'a residual is left out',
    patches: WRONG.noResidual,
    first: { stage: 'ffn_inp', layer: 0, step: 0 },
    token: 0,
    id: 'residual-missing',
    everywhere: [inEveryLayer('ffn_inp', 'l_out'), [0, 1]],
  },
  {
    name: 'a kernel writes NaN at one place',
    patches: WRONG.nan,
    first: { stage: 'ffn_swiglu', layer: 0, step: 0 },
    token: 2,
    id: null,
  },
  {
    name: 'a residual is added with noise',
    patches: [
      {
        file: 'add.wgsl',
        before: 'y[i] += x[i]',
        after:
          'y[i] += x[i] * (1.0 + 0.01 * fract(sin((f32(4u * i) + vec4f(0.0, 1.0, 2.0, 3.0)) * 12.9898) * 43758.5453))',
      },
    ],
    first: { stage: 'ffn_inp', layer: 0, step: 0 },
    token: 0,
    id: null,
  },
  {
    name: 'Q4_K: the scales of the upper four sub-blocks lose their upper two bits',
    patches: [{ file: 'quant/q4_k.wgsl', before: '((scale >> 2u) & 48u)', after: '0u' }],
    first: { stage: 'embd', layer: null, step: 0 },
    token: 0,
    id: 'k-quant-scales',
    args: ['--quantize', 'Q4_K'],
  },
];

/** It is found first where it is, and what llama.cpp computed before it agrees. */
async function expectFound({
  patches,
  first,
  token,
  args = [],
}: Pick<Fault, 'patches' | 'first' | 'token' | 'args'>): Promise<Report> {
  const run = ['compare', ...PROMPT, '--steps', '1', '--reference', 'exact', ...args];
  const { code, json, stderr } = await probeJson(run, broken(patches));
  expect(json.first, `${json.reason} ${stderr}`).toMatchObject(first);
  expect(json.verdict).toBe('diverged');
  expect(code).toBe(1);
  if (token === undefined) expect(json.first?.token).toBeGreaterThanOrEqual(1);
  else expect(json.first?.token).toBe(token);
  expect(json.reason).toContain(first.stage);
  const before = json.stages.filter(({ step, order }) => step === first.step && order < (json.first?.order ?? 0));
  for (const stage of before) expect(stage.verdict, stage.stage).toBe('agree');
  return json;
}

describe('a wrong kernel is found where it is, and named', () => {
  test.each(inShort(FAULTS, 4))('$name: $first.stage, $id', async ({ id, everywhere, ...fault }) => {
    const report = await expectFound(fault);
    const { first, diagnosis } = report;
    if (id === null) {
      expect(first?.cause).toBeNull();
      expect(diagnosis?.confidence).toBe('unknown');
    } else if (id !== undefined) expect(first?.cause, diagnosis?.text).toMatchObject({ id, confidence: 'confirmed' });
    if (everywhere) expectFaults(report, ...everywhere);
  });

  test('RMSNorm has an epsilon of 1: attn_rms, rms-eps, with the value that it has', async () => {
    const { first, diagnosis } = await expectFound({
      patches: [{ file: 'rms_norm.wgsl', before: '+ epsilon)', after: '+ 1.0)' }],
      first: { stage: 'attn_rms', layer: 0, step: 0 },
      token: 0,
    });
    expect(first?.cause).toMatchObject({ id: 'rms-eps', confidence: 'confirmed' });
    expect(Object.values(diagnosis?.candidates[0]?.parameters ?? {})).toContain(1);
    expect(diagnosis?.text).toMatch(/the file says 1e-5|1e-5/);
  });

  test('the text says so, in one sentence and in the table', async () => {
    const { code, stdout } = await probe(['compare', ...PROMPT, '--steps', '2'], wrong('ropeHalves'));
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^✗ diverged: RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3$/m,
    );
    expect(stdout).toMatch(
      /^q_rope of layer 0 is the first stage that is wrong, from token [1-9]\d* on, even with the reference's own inputs: .+ 1e-5\. \d+ stages have a fault of their own.+\.$/m,
    );
    expect(stdout).toMatch(/^ +0 +q_proj .+ agree *$/m);
    expect(stdout).toMatch(/^ +0 +q_rope .+ DIVERGED *$/m);
    expect(stdout).toMatch(/^steps 1 to 2: \d+ of \d+ stages do not agree$/m);
  });

  test('a found fault stays found in the dumps, and is named with the model', async () => {
    const out = path('sick');
    const model = ['--model', firstBlocks(2)];
    const run = ['compare', ...model, ...PROMPT, '--steps', '0', '--no-teacher-forced', '--out', out];
    const compared = await probeJson(run, wrong('ropeHalves'));
    const dumps = [`${out}/candidate.arrow`, `${out}/reference.arrow`];
    const bare = await probeJson(['diff', ...dumps]);
    expect(bare.code).toBe(1);
    expect(bare.json.first).toEqual(compared.json.first);
    expect(bare.json.first).toMatchObject({ stage: 'q_rope', cause: null });
    expect(compared.json.reason).toContain(bare.json.reason); // which goes on, by the model's graph
    const named = await probeJson(['diff', ...dumps, ...model]);
    expect(named.code).toBe(1);
    expect(named.json.model.quantization).toBe(bare.json.model.quantization);
    expect(named.json.first?.cause).toMatchObject({ id: 'rope-halves', confidence: 'confirmed' });
  });

  test('a kernel that does not compile is an error, never a verdict', async () => {
    const kernel = broken([{ file: 'add.wgsl', before: 'y[i] += x[i]', after: 'y[i] += z[i]' }]);
    const { code, json, stderr } = await probeJson<{ verdict: string }>(['compare', ...PROMPT], kernel);
    expect(json.verdict).toBe('incomparable');
    expect(code).toBe(2);
    expect(stderr).toContain('add.wgsl');
    expect(stderr).toContain("unresolved value 'z'");
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
