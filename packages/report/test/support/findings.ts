import type { Finding, Report } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';

const NOTHING = {} as Report['checks']['candidate']['checked'];

/** A stage that agrees, unless told otherwise. */
export const stage = (at: Partial<StageResult>): StageResult => ({
  order: 0,
  step: 0,
  layer: null,
  stage: 'embd',
  shape: [2, 4],
  count: 8,
  rms: 1.3e-7,
  rel: 2.5e-7,
  maxAbs: 3e-6,
  worst: { token: 0, index: 1 },
  cosine: 1,
  sqnr: 120,
  distance: 0,
  nan: { candidate: 0, reference: 0 },
  inf: { candidate: 0, reference: 0 },
  firstNonFinite: null,
  floor: null,
  referenceRms: 1,
  limit: 1e-5,
  limits: { rel: 1e-5, row: 4e-5, value: 1e-3 },
  local: null,
  inherits: null,
  where: null,
  worstRow: { token: 0, rel: 2.5e-7 },
  token: 0,
  verdict: 'agree',
  ofLimit: 0.025,
  ...at,
});

/** One that is over its limit. */
export const wrong = (at: Partial<StageResult>): StageResult =>
  stage({ rel: 0.5, ofLimit: 5e4, verdict: 'diverged', ...at });

export const report = (changes: Partial<Report> = {}): Report => ({
  schema: 1,
  verdict: 'agree',
  reason: 'All 2 stages agree.',
  model: { file: '/home/me/model.gguf', arch: 'llama', quantization: 'Q4_K', layers: 4, bytes: 7_300_000 },
  tokens: [1, 2, 3],
  reference: { name: 'llama.cpp', version: 'v0.5.0', mode: 'exact', why: 'it fits' },
  candidate: { name: 'llama-probe', backend: 'WebGPU, OpenGL ES', adapter: 'llvmpipe' },
  floors: { method: 'llama.cpp exact (zen4) against exact (haswell)', margin: 10, minimum: 1e-5 },
  first: null,
  faults: null,
  inputsOf: null,
  decode: { firstDiverged: null, firstOtherChoice: null },
  checks: {
    candidate: { broken: [], checked: NOTHING, leftOut: [] },
    reference: { broken: [], checked: NOTHING, leftOut: [] },
  },
  unseen: [],
  diagnosis: null,
  tokenDiagnosis: null,
  observations: [],
  stages: [stage({}), stage({ layer: 0, stage: 'attn_rms', order: 1 })],
  ignored: [],
  alone: { candidate: { stages: 0, names: [], rows: 0 }, reference: { stages: 0, names: [], rows: 0 } },
  logits: null,
  generated: { candidate: { tokens: [7], text: ' hi' }, reference: { tokens: [7], text: ' hi' } },
  top: null,
  timings: { total: 1234 },
  ...changes,
});

/** A run, of the report's own verdict. */
export const finding = (changes: Partial<Report> = {}, about: Partial<Finding> = {}): Finding => {
  const made = report(changes);
  return {
    name: 'model.gguf, 3 tokens',
    verdict: made.verdict,
    reason: made.reason,
    report: made,
    notes: [],
    ...about,
  };
};

type Fault = NonNullable<Report['faults']>[number];

export const fault = (at: Partial<Fault>): Fault => ({
  order: 6,
  step: 0,
  layer: 0,
  stage: 'q_rope',
  token: 1,
  cause: { id: 'rope-halves', title: 'RoPE turns the halves of a head', confidence: 'confirmed', delta: 2e-8 },
  where: null,
  steps: [0, 1],
  local: 0.5,
  limit: 1e-5,
  diagnosis: {
    confidence: 'confirmed',
    bug: 'RoPE turns the halves of a head',
    look: 'The rotation kernel.',
    evidence: 'recomputed. These inputs cannot tell it from rope-neox; a prompt of 8 tokens would.',
    candidates: [
      {
        id: 'rope-halves',
        title: 'RoPE turns the halves of a head',
        changes: '',
        look: 'The rotation kernel.',
        source: 'huggingface/candle#3410',
        parameters: {},
        deltaBefore: 0.5,
        delta: 2e-8,
      },
    ],
    indistinguishable: ['rope-neox'],
    hint: 'a prompt of 8 tokens',
    text: 'RoPE turns the halves of a head: recomputed. Where to look: The rotation kernel. These inputs cannot tell it from rope-neox; a prompt of 8 tokens would.',
  },
  ...at,
});

/** q_rope of layer 0 is wrong by itself, kq inherits it at both steps, and v_proj is fine. */
export const sick = (changes: Partial<Report> = {}, about: Partial<Finding> = {}): Finding => {
  const stages = [0, 1].flatMap((step) => [
    stage({ step, order: 5, layer: 0, stage: 'v_proj', local: 0 }),
    wrong({ step, order: 6, layer: 0, stage: 'q_rope', local: 0.5, token: 1 }),
    wrong({ step, order: 8, layer: 0, stage: 'kq', local: 0, inherits: { step, layer: 0, stage: 'q_rope' } }),
  ]);
  const first = { order: 6, step: 0, layer: 0, stage: 'q_rope', token: 1, cause: fault({}).cause, where: null };
  const reason = 'q_rope of layer 0 is the first stage that is wrong.';
  return finding({ verdict: 'diverged', reason, first, faults: [fault({})], stages, ...changes }, about);
};

/** Other tokens: nothing was compared. */
export const nothing = (): Finding =>
  finding({
    verdict: 'incomparable',
    reason: 'The two sides ran different tokens.',
    stages: [],
    generated: null,
    tokenDiagnosis: {
      id: 'bos-missing',
      title: 'The BOS token is missing',
      text: 'The candidate has no 1.',
    } as unknown as Report['tokenDiagnosis'],
  });

/** What a foreign dump, a prompt or a file name may hold. */
export const HOSTILE = '=1+1|`x`<img src=x>\u0000\u001b[31m@octocat #12 a/b#3\r\n"q"*_&]]>\ud800\uffff%,:';
