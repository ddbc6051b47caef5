import { describe, expect, test } from 'vitest';
import { path, probe, probeJson } from './support/probe.js';
import { brokenShaders, type Patch } from './support/shaders.js';

const PROMPT = ['--prompt', 'Hello, my friend!'];

/** A kernel gone wrong, and where that must be found first. */
interface Fault {
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly first: { stage: string; layer: number | null; step: number };
  /** Which token shows it first; without it any but the one at position 0, which is blind to it. */
  readonly token?: number;
  readonly args?: readonly string[];
}

const FAULTS: readonly Fault[] = [
  {
    name: 'RoPE turns the halves of a head instead of adjacent pairs',
    patches: [
      // i runs over (tokens, heads, pairs): pair p of a head is (p, p + pairs).
      {
        file: 'rope.wgsl',
        before: 'let a = x[2u * i];',
        after: 'let p = i / pairs * head_dim + i % pairs; let a = x[p];',
      },
      { file: 'rope.wgsl', before: 'let b = x[2u * i + 1u];', after: 'let b = x[p + pairs];' },
      { file: 'rope.wgsl', before: 'x[2u * i] = ', after: 'x[p] = ' },
      { file: 'rope.wgsl', before: 'x[2u * i + 1u] = ', after: 'x[p + pairs] = ' },
    ],
    first: { stage: 'q_rope', layer: 0, step: 0 },
  },
  {
    name: 'RoPE starts again at position 0 in every pass',
    patches: [{ file: 'rope.wgsl', before: '(batch.first_position + token)', after: 'token' }],
    first: { stage: 'q_rope', layer: 0, step: 1 },
  },
  {
    name: 'RMSNorm takes the sum for the mean',
    patches: [{ file: 'rms_norm.wgsl', before: 'partial[0] / f32(width)', after: 'partial[0]' }],
    first: { stage: 'attn_rms', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'RMSNorm has an epsilon of 1',
    patches: [{ file: 'rms_norm.wgsl', before: '+ epsilon)', after: '+ epsilon + 1.0)' }],
    first: { stage: 'attn_rms', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'the norm weight is applied twice',
    patches: [{ file: 'mul.wgsl', before: 'w[i % width]', after: 'w[i % width] * w[i % width]' }],
    first: { stage: 'attn_norm', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'query heads take the KV heads in turns (0 1 0 1) instead of in groups (0 0 1 1)',
    patches: [{ file: 'kq.wgsl', before: '(heads / kv_heads)', after: '1u % kv_heads' }],
    first: { stage: 'kq', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'the values are taken from the KV heads in turns',
    patches: [{ file: 'kqv.wgsl', before: '(heads / kv_heads)', after: '1u % kv_heads' }],
    first: { stage: 'kqv_out', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'the scores are not scaled',
    patches: [
      { file: 'soft_max.wgsl', before: 'max(highest, scale * kq', after: 'max(highest, kq' },
      { file: 'soft_max.wgsl', before: 'exp(scale * kq', after: 'exp(kq' },
    ],
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
  },
  {
    name: 'the mask lets each token see the next one',
    patches: [
      { file: 'soft_max.wgsl', before: 'row / heads + 1u,', after: 'min(row / heads + 2u, batch.tokens),' },
      { file: 'kq.wgsl', before: 'batch.first_position + token)', after: 'batch.first_position + token + 1u)' },
    ],
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'the mask hides the token itself',
    patches: [{ file: 'soft_max.wgsl', before: 'row / heads + 1u,', after: 'max(row / heads, 1u),' }],
    first: { stage: 'kq_soft_max', layer: 0, step: 0 },
  },
  {
    name: 'the cache is written one position too far',
    patches: [{ file: 'store_kv.wgsl', before: 'batch.first_position *', after: '(batch.first_position + 1u) *' }],
    first: { stage: 'kq', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'a decoded token is written over the first one of the cache',
    patches: [{ file: 'store_kv.wgsl', before: 'batch.first_position *', after: '0u *' }],
    first: { stage: 'kq', layer: 0, step: 1 },
  },
  {
    name: "SwiGLU with GELU's approximation in place of SiLU",
    patches: [{ file: 'swiglu.wgsl', before: 'exp(-g)', after: 'exp(-1.702 * g)' }],
    first: { stage: 'ffn_swiglu', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'a residual is left out',
    patches: [{ file: 'add.wgsl', before: 'y[i] += x[i]', after: 'y[i] = x[i]' }],
    first: { stage: 'ffn_inp', layer: 0, step: 0 },
    token: 0,
  },
  {
    name: 'a kernel writes NaN at one place',
    patches: [
      {
        file: 'swiglu.wgsl',
        before: '* up[i];',
        after: '* up[i]; if (i == 2u * width + 3u) { gate[i] = bitcast<f32>(0x7fc00000u + batch.n_kv); }',
      },
    ],
    first: { stage: 'ffn_swiglu', layer: 0, step: 0 },
    token: 2,
  },
  {
    name: 'Q4_K: the scales of the upper four sub-blocks lose their upper two bits',
    patches: [{ file: 'quant/q4_k.wgsl', before: '((scale >> 2u) & 48u)', after: '0u' }],
    first: { stage: 'embd', layer: null, step: 0 },
    token: 0,
    args: ['--quantize', 'Q4_K'],
  },
];

describe('a wrong kernel is found where it is', () => {
  test.each(FAULTS)('$name: $first.stage', async ({ patches, first, token, args = [] }) => {
    const env = { LLAMA_PROBE_SHADERS: brokenShaders(patches) };
    const run = ['compare', ...PROMPT, '--steps', '2', '--reference', 'exact', ...args];
    const { code, json, stderr } = await probeJson(run, { env });
    expect(json.first, `${json.reason} ${stderr}`).toMatchObject(first);
    expect(json.verdict).toBe('diverged');
    expect(code).toBe(1);
    if (token === undefined) expect(json.first?.token).toBeGreaterThanOrEqual(1);
    else expect(json.first?.token).toBe(token);
    expect(json.reason).toContain(first.stage);
    // What llama.cpp computed before it agrees.
    const before = json.stages.filter(({ step, order }) => step === first.step && order < (json.first?.order ?? 0));
    for (const stage of before) expect(stage.verdict, stage.stage).toBe('agree');
  });

  test('the text says so, in one sentence and in the table', async () => {
    const [rope] = FAULTS;
    const env = { LLAMA_PROBE_SHADERS: brokenShaders(rope?.patches ?? []) };
    const { code, stdout } = await probe(['compare', ...PROMPT, '--steps', '2'], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^✗ diverged: q_rope of layer 0 is the first stage that is wrong, from token [1-9]\d* on, even with the reference's own inputs: .+ 1e-5; .+\.$/m,
    );
    expect(stdout).toMatch(/^ +0 +q_proj .+ agree *$/m);
    expect(stdout).toMatch(/^ +0 +q_rope .+ DIVERGED *$/m);
    expect(stdout).toMatch(/^steps 1 to 2: \d+ of \d+ stages do not agree$/m);
  });

  test('a found fault stays found in the dumps', async () => {
    const [rope] = FAULTS;
    const env = { LLAMA_PROBE_SHADERS: brokenShaders(rope?.patches ?? []) };
    const out = path('sick');
    const compared = await probeJson(['compare', ...PROMPT, '--steps', '0', '--no-teacher-forced', '--out', out], {
      env,
    });
    const { code, json } = await probeJson(['diff', `${out}/candidate.arrow`, `${out}/reference.arrow`]);
    expect(code).toBe(1);
    expect(json.first).toEqual(compared.json.first);
    expect(json.reason).toBe(compared.json.reason);
  });

  test('a kernel that does not compile is an error, never a verdict', async () => {
    const env = {
      LLAMA_PROBE_SHADERS: brokenShaders([{ file: 'add.wgsl', before: 'y[i] += x[i]', after: 'y[i] += z[i]' }]),
    };
    const { code, json, stderr } = await probeJson<{ verdict: string }>(['compare', ...PROMPT], { env });
    expect(json.verdict).toBe('incomparable');
    expect(code).toBe(2);
    expect(stderr).toContain('add.wgsl');
    expect(stderr).toContain("unresolved value 'z'");
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
