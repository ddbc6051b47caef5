import { STAGE_NAMES } from '@llama-probe/dump';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { BUNDLED, sampleTokens, testThirdParty } from './support/models.js';
import { path, probe, probeJson } from './support/probe.js';
import { wrong } from './support/wrong-kernels.js';

const CONTEXT = 512;
/** Enough of a long pass to see it through: the rotation, the attention, the stream. */
const FEW = ['--stages', 'q_rope,kqv_out,l_out,result_output'];

let sample: readonly number[];
beforeAll(async () => {
  sample = await sampleTokens(BUNDLED);
});

/** So many real tokens, from the beginning again where the sample ends. */
const tokens = (count: number) => Array.from({ length: count }, (_, i) => sample[i % sample.length]).join();
const compare = (prompt: readonly string[], ...options: string[]) => probeJson(['compare', ...prompt, ...options]);

function expectAgreement({ code, json }: { code: number | null; json: Report }, count?: number): void {
  expect(json.verdict, json.reason).toBe('agree');
  const stages = new Set(json.stages.map(({ stage }) => stage));
  expect([STAGE_NAMES, FEW[1]?.split(',')].map((names) => new Set(names))).toContainEqual(stages);
  if (count !== undefined) {
    expect(json.tokens).toHaveLength(count);
    for (const { step, shape } of json.stages) expect(shape[0]).toBe(step === 0 ? count : 1);
  }
  expect(json.reference.callbackChangesNothing).toBe(true);
  expect(json.generated?.candidate.tokens).toEqual(json.generated?.reference.tokens);
  expect(json.decode).toEqual({ firstDiverged: null, firstOtherChoice: null });
  expect(code).toBe(0);
}

describe('prompts of awkward lengths agree', () => {
  test.each([1, 2, 31, 32, 33])('%i tokens', async (count) => {
    expectAgreement(await compare(['--tokens', tokens(count)], '--steps', '1'), count);
  });

  test('one less than the context, and a step that fills it', async () => {
    const run = await compare(['--tokens', tokens(CONTEXT - 1)], '--steps', '1', ...FEW);
    expectAgreement(run, CONTEXT - 1);
  });

  test('the whole context', async () => {
    const run = await compare(['--tokens', tokens(CONTEXT)], '--steps', '0', ...FEW);
    expectAgreement(run, CONTEXT);
  });

  test.each([
    [CONTEXT + 1, 0],
    [CONTEXT, 1],
  ])('%i tokens and %i steps are refused', async (count, steps) => {
    const { code, stdout, stderr } = await probe(['compare', '--tokens', tokens(count), '--steps', String(steps)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(
      `probe: ${count} tokens and ${steps} steps are more than the model's context of ${CONTEXT}. Shorten the prompt or --steps.`,
    );
  });

  testThirdParty('513 tokens agree where the context is longer', 'ggml-org-stories260K.gguf', async (model) => {
    const ids = Array.from({ length: 513 }, (_, i) => (i === 0 ? 1 : 260 + ((i * 37) % 200))).join();
    expectAgreement(await compare(['--model', model, '--tokens', ids], '--steps', '1', ...FEW), 513);
  });
});

describe('prompts past one ubatch', () => {
  test.each([
    [64, 32],
    [100, 32],
    [5, 1],
  ])('%i tokens, --ubatch %i', async (count, ubatch) => {
    expectAgreement(await compare(['--tokens', tokens(count)], '--steps', '1', '--ubatch', String(ubatch)), count);
  });

  test("33 tokens, --ubatch 32, and from the reference's inputs too", async () => {
    const run = await compare(['--tokens', tokens(33)], '--steps', '1', '--ubatch', '32', '--teacher-forced');
    expectAgreement(run, 33);
    expect(run.json.faults).toEqual([]);
    for (const { local, limit } of run.json.stages) expect(local).toBeLessThanOrEqual(limit);
  });

  test('a fault of the second pass is found in its first token, and the first pass is right', async () => {
    const args = ['compare', '--tokens', tokens(40), '--steps', '0', '--ubatch', '32'];
    const { code, json } = await probeJson(args, wrong('ropeRestarts'));
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 0, step: 0, token: 32 });
    expect(json.first?.where).toMatchObject({ tokens: [[32, 39]], wrongRows: 8, rows: 40 });
    expect(json.first?.where?.text).toMatch(/^tokens 32 to 39 are wrong, in all 8 heads, /);
    expect(code).toBe(1);
  });

  test('wrong scores, whose rows are wider in every pass', async () => {
    const args = ['compare', '--tokens', tokens(6), '--steps', '0', '--ubatch', '4'];
    const { code, json, stderr } = await probeJson(args, wrong('unscaled'));
    expect(json.first, stderr).toMatchObject({ stage: 'kq_soft_max', layer: 0, step: 0, token: 1 });
    expect(json.faults?.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(
      [0, 1, 2, 3].map((layer) => `kq_soft_max ${layer}`),
    );
    expect(code).toBe(1);
  });

  test.each(['0', '1.5'])('--ubatch %s is refused', async (value) => {
    const { code, stderr } = await probe(['compare', '--ubatch', value]);
    expect(stderr).toContain(`'${value}' is invalid. Wanted a whole number, 1 or more.`);
    expect(code).toBe(2);
  });
});

describe('prompts of other characters than letters', () => {
  test.each([
    ['emoji, joined ones too', '🙂 👩‍👩‍👧 says 🇩🇪!'],
    ['Chinese, and combining accents', '你好，世界 e\u0301 a\u0300 n\u0303'],
    ['right to left, and a zero-width space', 'שלום \u200bعالم'],
  ])('%s', async (_, text) => {
    const run = await compare(['--prompt', text], '--steps', '1');
    expectAgreement(run);
    expect(run.json.tokens.length).toBeGreaterThan([...text].length / 2);
  });

  test.each(['2', '1,1,1,2'])('only special tokens: %s', async (ids) => {
    expectAgreement(await compare(['--tokens', ids], '--steps', '1'), ids.split(',').length);
  });
});

describe('what tokens cannot show is said', () => {
  const unseenOf = async (count: number, ...options: string[]) => {
    const { json } = await compare(['--tokens', tokens(count)], ...options, '--stages', 'embd');
    return json.unseen;
  };
  const whats = (unseen: Report['unseen']) => unseen.map(({ what }) => what).join('; ');

  test('it is less with every step and token', async () => {
    const [blind, decoded, two, many] = await Promise.all([
      unseenOf(1, '--steps', '0'),
      unseenOf(1, '--steps', '2'),
      unseenOf(2, '--steps', '2'),
      unseenOf(100, '--steps', '2'),
    ]);
    expect(whats(blind)).toMatch(/RoPE.*mask.*KV cache/);
    expect(blind).toHaveLength(2);
    expect(whats(decoded)).toMatch(/the mask within a pass/);
    expect(whats(decoded)).not.toMatch(/RoPE|KV cache/);
    expect(whats(two)).toMatch(/between two tiles/);
    expect(whats(two)).not.toMatch(/RoPE|KV cache|mask/);
    expect(many).toEqual([]);
    for (const { why, remedy } of [...blind, ...decoded, ...two]) {
      expect(why.length).toBeGreaterThan(0);
      expect(remedy).toMatch(/^give /);
    }
  });

  test('a wrong rotation agrees on one token: it is among what was not seen', async () => {
    const { code, stdout } = await probe(['compare', '--tokens', '1', '--steps', '0'], wrong('ropeHalves'));
    expect(stdout).toMatch(/^✓ agree/m);
    expect(stdout).toMatch(
      /^not seen: RoPE, the scores, their scale and the mask \(at position 0 .+; give several tokens\)$/m,
    );
    expect(code).toBe(0);
  });

  test('a mask that leaks within a pass agrees where every pass has one token: so is that', async () => {
    const args = ['compare', '--tokens', tokens(5), '--steps', '1', '--ubatch', '1'];
    const { code, json } = await probeJson(args, wrong('maskOff'));
    expect([code, json.verdict]).toEqual([0, 'agree']);
    expect(whats(json.unseen)).toMatch(/the mask within a pass/);
  });

  test('passes of 32 do not show what happens between two tiles of 64', async () => {
    expect(whats(await unseenOf(100, '--steps', '1', '--ubatch', '32'))).toMatch(/between two tiles/);
  });

  test('probe diff says it too', async () => {
    const out = path('one.arrow');
    await probe(['capture', '--from', 'llama', '--tokens', '1', '--steps', '0', '--no-floors', '--out', out]);
    const { json } = await probeJson(['diff', out, out]);
    expect(whats(json.unseen)).toMatch(/RoPE.*mask.*KV cache/);
  });
});
