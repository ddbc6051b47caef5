import type { Report } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { unknown } from '@llama-probe/oracle';
import { describe, expect, test } from 'vitest';
import { textReport } from '../src/text/text.js';
import { stage as agreeing, fault as faultAt, sick } from './support/findings.js';

const NONE = {} as Report['checks']['candidate']['checked'];

const stage = (at: Partial<StageResult>): StageResult => agreeing({ ofLimit: (at.rel ?? 2.5e-7) / 1e-5, ...at });

const report = (changes: Partial<Report> = {}): Report => ({
  schema: 1,
  verdict: 'agree',
  reason: 'All 2 stages agree.',
  model: { file: '/m/model.gguf', arch: 'llama', quantization: 'Q4_K', layers: 4, bytes: 7_300_000 },
  tokens: [1, 2, 3],
  reference: { name: 'llama.cpp', version: 'v0.5.0', mode: 'exact', why: 'it fits' },
  candidate: { name: 'llama-probe', backend: 'WebGPU, OpenGL ES', adapter: 'llvmpipe' },
  floors: { method: 'llama.cpp exact (zen4) against exact (haswell)', margin: 10, minimum: 1e-5 },
  first: null,
  faults: null,
  inputsOf: null,
  decode: { firstDiverged: null, firstOtherChoice: null },
  checks: {
    candidate: { broken: [], checked: NONE, leftOut: [] },
    reference: { broken: [], checked: NONE, leftOut: [] },
  },
  unseen: [],
  diagnosis: null,
  tokenDiagnosis: null,
  observations: [],
  stages: [
    stage({}),
    stage({ layer: 0, stage: 'attn_rms', order: 1, rms: 0, rel: 0, maxAbs: 0, floor: 0, ofLimit: 0 }),
  ],
  ignored: [],
  alone: { candidate: { stages: 0, names: [], rows: 0 }, reference: { stages: 0, names: [], rows: 0 } },
  logits: {
    top1Agree: true,
    top1Margin: 1,
    klDivergence: 3.2e-9,
    topK: {
      candidate: [
        { id: 7, logit: 12.5 },
        { id: 9, logit: -0.25 },
      ],
      reference: [
        { id: 7, logit: 12.50001 },
        { id: 9, logit: -0.25 },
      ],
    },
  },
  generated: { candidate: { tokens: [7], text: ' "hi"\n' }, reference: { tokens: [7], text: ' "hi"\n' } },
  top: { candidate: ['hi', '\n'], reference: ['hi', '\n'] },
  timings: { total: 1234 },
  ...changes,
});

const lines = (changes?: Partial<Report>) =>
  textReport(report(changes))
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '));

/** The lines that say what was run. */
const heading = (changes?: Partial<Report>) => {
  const all = lines(changes);
  return all.slice(all.findIndex((line) => line.startsWith('model ')));
};

describe('the text report', () => {
  test('says what was run', () => {
    const [model, tokens, reference, candidate] = heading();
    expect(model).toBe('model /m/model.gguf (llama, Q4_K, 4 layers, 7.3 MB)');
    expect(tokens).toBe('tokens 3: 1 2 3');
    expect(reference).toBe('reference llama.cpp v0.5.0, exact: it fits');
    expect(candidate).toBe('candidate llama-probe, WebGPU, OpenGL ES, llvmpipe');
  });

  test('says what the candidate computes in, where that is less than f32, and how that is known', () => {
    const said = (precision: NonNullable<Report['candidate']['precision']>) =>
      lines({ candidate: { ...report().candidate, precision } }).find((line) => line.startsWith('precision'));
    expect(lines().join()).not.toContain('precision');
    expect(said({ format: 'bf16', from: 'values' })).toBe(
      'precision the candidate computes in bf16 (seen from its values)',
    );
    expect(said({ format: 'f16', from: 'option' })).toBe(
      'precision the candidate computes in f16 (as --precision says)',
    );
    expect(said({ format: 'f16', from: 'values', stored: true })).toMatch(
      /^precision the candidate computes in f32, and its dump has f16 of it/,
    );
  });

  test('shortens long prompts', () => {
    const [, tokens] = heading({ tokens: Array.from({ length: 200 }, (_, i) => i) });
    expect(tokens).toMatch(/^tokens 200: 0 1 2 .* 15 …$/);
  });

  test('has a row for each stage of the prompt', () => {
    expect(lines()).toContain('layer stage RMS delta relative floor limit of limit verdict');
    expect(lines()).toContain('embd 1.3e-7 2.5e-7 1e-5 0.02 × agree');
    expect(lines()).toContain('0 attn_rms 0 0 0 1e-5 0 × agree');
  });

  test('says in one sentence what was found, and marks where', () => {
    const wrong = stage({ layer: 1, stage: 'kq', order: 2, rel: 0.5, verdict: 'diverged' });
    const unknown = stage({
      layer: 2,
      stage: 'kq',
      order: 3,
      verdict: 'incomparable',
      reason: 'missing in the candidate',
    });
    const text = lines({ verdict: 'diverged', reason: 'kq of layer 1 is wrong.', stages: [stage({}), wrong, unknown] });
    expect(text).toContain('✗ diverged: kq of layer 1 is wrong.');
    expect(text).toContain('1 kq 1.3e-7 5.0e-1 1e-5 5e+4 × DIVERGED');
    expect(text).toContain('2 kq 1e-5 incomparable: missing in the candidate');
    expect(lines({ verdict: 'incomparable', reason: 'Other tokens.', stages: [] })).toContain(
      '? incomparable: Other tokens.',
    );
  });

  test('sums the decode steps up, and shows what is wrong in them where the prompt is right', () => {
    const steps = [1, 2].map((step) => stage({ step, stage: 'l_out', layer: 3, rel: step * 1e-6 }));
    expect(lines({ stages: [stage({}), ...steps] })).toContain(
      'steps 1 to 2: 2 stages agree; the closest to its limit is l_out of layer 3 at step 2 with 2.0e-6',
    );
    const wrong = stage({ step: 2, stage: 'kq', layer: 3, rel: 1, verdict: 'diverged' });
    const text = lines({ stages: [stage({}), ...steps, wrong] });
    expect(text).toContain('3 kq at step 2 1.3e-7 1.0e+0 1e-5 1e+5 × DIVERGED');
    expect(text).toContain('steps 1 to 2: 1 of 3 stages do not agree');
  });

  test('shows both texts so that they can be told apart, and both top logits', () => {
    expect(lines()).toContain('llama.cpp says " \\"hi\\"\\n"');
    expect(lines()).toContain('llama-probe says " \\"hi\\"\\n"');
    expect(lines()).toContain('1 "hi" (7) 12.5000 "hi" (7) 12.5000');
    expect(lines()).toContain('2 "\\n" (9) -0.2500 "\\n" (9) -0.2500');
    expect(lines()).toContain('KL divergence of the next token: 3.2e-9 nats');
    const other = { candidate: { tokens: [8], text: 'ho' }, reference: { tokens: [7], text: 'hi' } };
    expect(lines({ generated: other })).toContain('llama-probe says "ho" (other tokens)');
    const mute = { candidate: { tokens: [8, 1], text: null }, reference: { tokens: [7, 1], text: null } };
    expect(lines({ generated: mute })).toContain('llama.cpp says the tokens 7 1');
    const named = textReport(report({ candidate: { name: 'transformers', backend: 'unknown', adapter: 'mine' } }));
    expect(named).toMatch(/^llama\.cpp {4}says .*\ntransformers says /m);
  });

  test('leaves out what it has not', () => {
    const text = textReport(report({ stages: [], logits: null, generated: null, top: null, timings: {} }));
    expect(text).not.toMatch(/layer +stage|says|next token|undefined|null|NaN/);
    expect(text).toContain('✓ agree');
  });

  test('writes numbers that are none', () => {
    const sick = stage({ rms: Number.NaN, rel: Number.POSITIVE_INFINITY, verdict: 'diverged' });
    expect(lines({ stages: [sick] })).toContain('embd NaN Infinity 1e-5 ∞ × DIVERGED');
    // What is not finite is in no sum: the rest may look healthy.
    const nan = stage({
      firstNonFinite: { token: 0, index: 3 },
      verdict: 'diverged',
      ofLimit: Number.POSITIVE_INFINITY,
    });
    expect(lines({ stages: [nan] })).toContain('embd NaN NaN 1e-5 ∞ × DIVERGED');
  });

  test('says by what the limits were set', () => {
    const text = lines({ stages: [stage({ floor: 1.5e-7 })] });
    expect(text).toContain(
      'limits 10 × the floor, at least 1e-5; floor llama.cpp exact (zen4) against exact (haswell)',
    );
    expect(text).toContain('embd 1.3e-7 2.5e-7 1.5e-7 1e-5 0.02 × agree');
  });

  test('tells what is wrong by itself from what inherits it', () => {
    const own = stage({ layer: 0, stage: 'q_rope', rel: 0.5, local: 0.5, verdict: 'diverged' });
    const inherits = { step: 0, layer: 0, stage: 'q_rope' };
    const next = stage({ layer: 0, stage: 'kq', rel: 0.2, local: 1e-7, verdict: 'diverged', inherits });
    const fault = {
      ...inherits,
      order: 4,
      token: 1,
      cause: null,
      where: { text: 'every row' },
      local: 0.5,
      limit: 1e-5,
    };
    const other = { ...fault, layer: 1, local: 0.75, steps: [0, 1, 2, 5] };
    const faults = [{ ...fault, steps: [0, 1, 2] }, other] as unknown as Report['faults'];
    const text = lines({ verdict: 'diverged', stages: [own, next], faults });
    expect(text).toContain('layer stage RMS delta relative floor limit of limit local verdict');
    expect(text).toContain('0 q_rope 1.3e-7 5.0e-1 1e-5 5e+4 × 5.0e-1 DIVERGED');
    expect(text).toContain('0 kq 1.3e-7 2.0e-1 1e-5 2e+4 × 1.0e-7 inherited from q_rope of layer 0');
    expect(text).toContain("wrong from llama.cpp's inputs:");
    expect(text).toContain('q_rope of the layers 0 to 1 at the steps 0 to 2, 5: local delta up to 7.5e-1, limit 1e-5');
    expect(text).toContain('where: every row');
  });

  test('says at which step it begins, and whether another choice is a tie', () => {
    const choice = { step: 3, candidate: 8, reference: 7, gap: 0.01, allowed: 0.02, tie: true };
    const text = lines({ decode: { firstDiverged: 1, firstOtherChoice: choice } });
    expect(text).toContain(
      'The prompt is right, step 1 is the first that is wrong: look at the KV cache, and at the position that a decoded token gets.',
    );
    expect(text).toContain(
      'At step 3 the greedy choices differ, 7 and 8; the reference prefers its own by 1.0e-2: a tie: the limits let them move by 2.0e-2.',
    );
    const clear = lines({ decode: { firstDiverged: 0, firstOtherChoice: { ...choice, gap: 1, tie: false } } });
    expect(clear.join()).toContain('no tie: the limits let them move by 2.0e-2 only');
    expect(clear.join()).not.toContain('The prompt is right');
  });

  test('the first 24 lines say which bug, which stages, which layers, what to change and how sure; the bug once', () => {
    const faults = [0, 1, 2, 3].flatMap((layer) => ['q_rope', 'k_rope'].map((stage) => faultAt({ layer, stage })));
    const all = textReport(sick({ faults }).report);
    const glance = all.split('\n').slice(0, 24).join('\n');
    expect(glance).toMatch(/^✗ diverged: RoPE turns the halves of a head: q_rope and k_rope, layers 0 to 3\n/);
    expect(glance).toMatch(/\n {2}where to look: The rotation kernel\.\n {2}how sure: confirmed \(rope-halves\): /);
    expect(glance.indexOf('how sure')).toBeLessThan(glance.indexOf('says'));
    expect(all.match(/RoPE turns the halves/g)).toHaveLength(1);
  });

  test('two bugs are two causes, and what is not known is said to be unknown', () => {
    const other = faultAt({ stage: 'ffn_swiglu', layer: 2, cause: null, diagnosis: unknown('none of 9.') });
    const text = textReport(sick({ faults: [faultAt({}), other] }).report);
    expect(text).toMatch(/^✗ diverged: RoPE turns the halves of a head: q_rope, layer 0 \(and 1 more\)\n/);
    expect(text).toMatch(
      /2\. Unknown bug: ffn_swiglu, layer 2\n +where to look: GELU for SiLU, .*\n +how sure: the bug is not known\. None of 9\./,
    );
  });
});
