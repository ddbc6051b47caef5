import { describe, expect, test } from 'vitest';
import type { Trial } from '../packages/comparison/src/diagnosis/matrix.js';
import { loadDump, writeDump } from './support/dumps.js';
import { path, probe, probeJson } from './support/probe.js';
import { brokenShaders, type Patch } from './support/shaders.js';

const PROMPT = ['--prompt', 'What is 2 plus 3?', '--steps', '1'];

interface Listed {
  readonly faults: readonly { id: string; title: string; stages: string[]; source: string }[];
  readonly trials: readonly Trial[] | null;
}

describe('probe bugs', () => {
  test('lists the catalogue', async () => {
    const { code, json } = await probeJson<Listed>(['faults']);
    expect(code).toBe(0);
    expect(json.trials).toBeNull();
    const ids = json.faults.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, title, stages, source } of json.faults) {
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(title.length, id).toBeGreaterThan(8);
      expect(stages.length, id).toBeGreaterThan(0);
      expect(source, id).toMatch(/\S/);
    }
    for (const id of ['rope-halves', 'rms-eps', 'gqa-tiled', 'k-quant-scales', 'tokens-bos-missing'])
      expect(ids).toContain(id);
    const { stdout } = await probe(['bugs']);
    for (const id of ids) expect(stdout).toContain(` ${id} `);
  });

  test('what changes nothing proves nothing', async () => {
    const { code, json } = await probeJson<Listed>(['bugs', '--run', '--only', 'bias-missing']);
    expect(json.trials?.every(({ found }) => found === 'unseen')).toBe(true);
    expect(code).toBe(2);
  });

  test('puts bugs into runs, finds them where they are and names them', async () => {
    const only =
      'rope-halves,rms-skipped,norm-weight-twice,gqa-tiled,nibble-order,attention-scale-missing,residual-twice,head-empty';
    const { code, json } = await probeJson<Listed>(['bugs', '--run', '--only', only, '--quantize', 'Q4_K']);
    const trials = json.trials ?? [];
    expect(code).toBe(0);
    expect(trials.filter(({ found }) => found === 'right').length).toBeGreaterThan(30);
    for (const trial of trials) {
      const at = `${trial.id} in layer ${trial.layer}, ${trial.run}: ${trial.at}, ${trial.name}`;
      expect(trial.found, at).not.toBe('wrong');
      if (trial.found === 'right') expect(trial, at).toMatchObject({ named: 'first', confidence: 'confirmed' });
    }
    for (const id of only.split(','))
      expect(
        trials.some((trial) => trial.id === id && trial.found === 'right'),
        id,
      ).toBe(true);
  });
});

describe('--inject', () => {
  test('shows a bug: other text, the stage, and its name', async () => {
    const { code, json } = await probeJson([
      'compare',
      '--prompt',
      'What is 2 plus 3?',
      '--steps',
      '8',
      '--inject',
      'rope-halves',
    ]);
    expect(code).toBe(1);
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 0, step: 0 });
    expect(json.first?.cause).toMatchObject({ id: 'rope-halves', confidence: 'confirmed' });
    expect(json.first?.cause?.delta).toBeLessThan(1e-6);
    expect(json.candidate.injected).toEqual(['rope-halves']);
    expect(json.generated?.candidate.tokens).not.toEqual(json.generated?.reference.tokens);
    const faults = new Set(json.faults?.map(({ stage, layer }) => `${stage}-${layer}`));
    expect(faults).toEqual(new Set([0, 1, 2, 3].flatMap((layer) => [`q_rope-${layer}`, `k_rope-${layer}`])));
    for (const { cause, stage, layer } of json.faults ?? []) expect(cause?.id, `${stage}-${layer}`).toBe('rope-halves');
  });

  test('several at once, each in its layer, are each found and named', async () => {
    const { json } = await probeJson([
      'compare',
      ...PROMPT,
      '--inject',
      'norm-weight-missing@0,gqa-tiled@1,activation-relu@3',
    ]);
    const found = json.faults?.map(({ stage, layer, cause }) => `${stage}-${layer} ${cause?.id}`);
    expect(found?.sort()).toEqual([
      'attn_norm-0 norm-weight-missing',
      'ffn_norm-0 norm-weight-missing',
      'ffn_swiglu-3 activation-relu',
      'kq-1 gqa-tiled',
      'kqv_out-1 gqa-tiled',
    ]);
  });

  test('says so in the text', async () => {
    const { stdout } = await probe(['compare', ...PROMPT, '--inject', 'rope-halves@2']);
    expect(stdout).toMatch(/^ {2}q_rope of layer 2 at the steps 0 to 1: local delta/m);
    expect(stdout).toMatch(/^ {4}cause: RoPE turns the halves of a head, .+ differ from yours by \d/m);
    expect(stdout).toMatch(/with rope-halves@2/);
  });

  test.each([
    ['rope-halfs', /"rope-halfs" is not in the catalogue; did you mean rope-halves\?/],
    [
      'rope-halves@4',
      /"rope-halves@4" names no layer of this model; wanted such as rope-halves@0, up to rope-halves@3/,
    ],
    ['rope-halves@x', /names no layer/],
    ['tokens-bos-missing', /a matter of the tokens/],
    ['', /wanted the id of a known bug/],
    ['rope-halves,rope-theta@1', /rope-halves and rope-theta are both of q_rope; a stage takes one bug/],
    ['k-quant-scales', /has nothing to change in this model and run; it needs a weight of a K-quant/],
  ])('%s is refused', async (inject, message) => {
    const { code, stderr } = await probe(['compare', ...PROMPT, '--inject', inject]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

/** A wrong kernel, and the name that it must get. */
interface WrongKernel {
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly id: string;
  readonly args?: readonly string[];
}

const KERNELS: readonly WrongKernel[] = [
  {
    name: 'RoPE turns the other way',
    patches: [
      { file: 'rope.wgsl', before: 'a * r.x - b * r.y', after: 'a * r.x + b * r.y' },
      { file: 'rope.wgsl', before: 'a * r.y + b * r.x', after: 'b * r.x - a * r.y' },
    ],
    id: 'rope-direction',
  },
  {
    name: 'RMSNorm takes the sum for the mean',
    patches: [{ file: 'rms_norm.wgsl', before: 'partial[0] / f32(width)', after: 'partial[0]' }],
    id: 'rms-sum',
  },
  {
    name: 'the norm weight is applied twice',
    patches: [{ file: 'mul.wgsl', before: 'w[i % width]', after: 'w[i % width] * w[i % width]' }],
    id: 'norm-weight-twice',
  },
  {
    name: 'query heads take the KV heads in turns',
    patches: [{ file: 'kq.wgsl', before: '(heads / kv_heads)', after: '1u % kv_heads' }],
    id: 'gqa-tiled',
  },
  {
    name: 'the scores are not scaled',
    patches: [
      { file: 'soft_max.wgsl', before: 'max(highest, scale * kq', after: 'max(highest, kq' },
      { file: 'soft_max.wgsl', before: 'exp(scale * kq', after: 'exp(kq' },
    ],
    id: 'attention-scale-missing',
  },
  {
    name: 'a residual is left out',
    patches: [{ file: 'add.wgsl', before: 'y[i] += x[i]', after: 'y[i] = x[i]' }],
    id: 'residual-missing',
  },
  {
    name: "GELU's approximation in place of SiLU",
    patches: [{ file: 'swiglu.wgsl', before: 'exp(-g)', after: 'exp(-1.702 * g)' }],
    id: 'activation-gelu',
  },
  {
    name: 'Q4_K: the scales of the upper four sub-blocks lose their upper two bits',
    patches: [{ file: 'quant/q4_k.wgsl', before: '((scale >> 2u) & 48u)', after: '0u' }],
    id: 'k-quant-scales',
    args: ['--quantize', 'Q4_K'],
  },
];

describe('a wrong kernel is named', () => {
  test.each(KERNELS)('$name: $id', async ({ patches, id, args = [] }) => {
    const env = { LLAMA_PROBE_SHADERS: brokenShaders(patches) };
    const { code, json } = await probeJson(['compare', ...PROMPT, ...args], { env });
    expect(code).toBe(1);
    expect(json.first?.cause, json.diagnosis?.text).toMatchObject({ id, confidence: 'confirmed' });
  });

  test('with the value that it has: an epsilon of 1', async () => {
    const env = {
      LLAMA_PROBE_SHADERS: brokenShaders([{ file: 'rms_norm.wgsl', before: '+ epsilon)', after: '+ 1.0)' }]),
    };
    const { json } = await probeJson(['compare', ...PROMPT], { env });
    expect(json.first?.cause).toMatchObject({ id: 'rms-eps', confidence: 'confirmed' });
    expect(Object.values(json.diagnosis?.candidates[0]?.parameters ?? {})).toContain(1);
    expect(json.diagnosis?.text).toMatch(/the file says 1e-5|1e-5/);
  });

  test('what is in no catalogue has no name', async () => {
    const noise = 'y[i] += x[i] * (1.0 + 0.01 * fract(sin(f32(i) * 12.9898) * 43758.5453))';
    const env = { LLAMA_PROBE_SHADERS: brokenShaders([{ file: 'add.wgsl', before: 'y[i] += x[i]', after: noise }]) };
    const { code, json } = await probeJson(['compare', ...PROMPT], { env });
    expect(code).toBe(1);
    expect(json.first).toMatchObject({ stage: 'ffn_inp', layer: 0, cause: null });
    expect(json.diagnosis?.confidence).toBe('unknown');
  });
});

describe('two dumps', () => {
  test('with the model, the bug is named from the sick dump alone', async () => {
    const out = path('sick');
    await probe(['compare', ...PROMPT, '--inject', 'rope-halves', '--no-teacher-forced', '--out', out]);
    const dumps = [`${out}/candidate.arrow`, `${out}/reference.arrow`];
    const bare = await probeJson(['diff', ...dumps]);
    expect(bare.json.first).toMatchObject({ stage: 'q_rope', cause: null });
    const { model } = bare.json;
    const file = (await probeJson(['compare', '--steps', '0', '--stages', 'embd'])).json.model.file;
    const named = await probeJson(['diff', ...dumps, '--model', file]);
    expect(named.code).toBe(1);
    expect(named.json.model.quantization).toBe(model.quantization);
    expect(named.json.first?.cause).toMatchObject({ id: 'rope-halves', confidence: 'confirmed' });
  });

  test('with another model than theirs: refused', async () => {
    const dump = path('q4.arrow');
    const run = ['--from', 'llama', '--quantize', 'Q4_0', '--tokens', '1,468', '--steps', '0', '--stages', 'embd'];
    await probe(['capture', ...run, '--out', dump]);
    const file = (await probeJson(['compare', '--steps', '0', '--stages', 'embd'])).json.model.file;
    for (const command of [
      ['diff', dump, dump],
      ['check', dump],
    ]) {
      const { code, stderr } = await probe([...command, '--model', file]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/q4\.arrow is of another file, .+Q4_0.+; give the model that was run/);
    }
  });

  test('of other tokens: a missing BOS is said to be that', async () => {
    const reference = path('with-bos.arrow');
    await probe([
      'capture',
      '--from',
      'llama',
      '--prompt',
      'Hello, my friend!',
      '--steps',
      '0',
      '--stages',
      'embd',
      '--out',
      reference,
    ]);
    const dump = await loadDump(reference);
    const tokens = dump.metadata.tokens.slice(1);
    const candidate = writeDump({ ...dump, metadata: { ...dump.metadata, tokens } }, (tensors) => tensors);
    const file = (await probeJson(['compare', '--steps', '0', '--stages', 'embd'])).json.model.file;
    const { code, json } = await probeJson(['diff', candidate, reference, '--model', file]);
    expect(code).toBe(2);
    expect(json.tokenDiagnosis).toMatchObject({ id: 'tokens-bos-missing', at: 0 });
    const { stdout } = await probe(['diff', candidate, reference, '--model', file]);
    expect(stdout).toContain('BOS is missing');
  });
});
