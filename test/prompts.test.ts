import { writeFileSync } from 'node:fs';
import { STAGE_NAMES } from '@llama-probe/dump';
import { isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GateResult, Report } from '../packages/probe/src/index.js';
import { BUNDLED, firstBlocks, sampleTokens, testThirdParty } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { wrong } from './support/wrong-kernels.js';

const CONTEXT = 512;
/** Of blocks two, the second of which begins from another's stream: how long a prompt is, is the same to all of them. */
const MODEL = firstBlocks(2);
/** Enough of a long pass to see it through: the rotation, the attention, the stream. */
const FEW = ['q_rope', 'kqv_out', 'l_out', 'result_output'];

const LENGTHS = [1, 2, 31, 32, 33];
const PAST_ONE_UBATCH = [
  [64, 32],
  [100, 32],
  [5, 1],
] as const;
const TEXTS = [
  ['emoji, joined ones too', '🙂 👩‍👩‍👧 says 🇩🇪!'],
  ['Chinese, and combining accents', '你好，世界 e\u0301 a\u0300 n\u0303'],
  ['right to left, and a zero-width space', 'שלום \u200bعالم'],
] as const;
const SPECIAL = [[2], [1, 1, 1, 2]];

let sample: readonly number[];
/** The runs that share a command, by name. */
let all: { readonly code: number | null; readonly reports: ReadonlyMap<string, Report> };
beforeAll(async () => {
  sample = await sampleTokens(BUNDLED);
  all = await runAll();
});

/** So many real tokens, from the beginning again where the sample ends. */
const ids = (count: number) => Array.from({ length: count }, (_, i) => sample[i % sample.length] as number);
const tokens = (count: number) => ids(count).join();

/** Runs of the bundled model that share its sides, in one command. */
async function runAll() {
  const long = (...counts: number[]) => counts.map((count) => ({ name: String(count), tokens: ids(count) }));
  const runs = [
    { name: 'tokens', steps: 1, prompts: long(...LENGTHS) },
    { name: 'few', steps: 1, stages: FEW, prompts: long(CONTEXT - 1) },
    ...(isLong ? [{ name: 'few', steps: 0, stages: FEW, prompts: long(CONTEXT) }] : []),
    ...PAST_ONE_UBATCH.map(([count, ubatch]) => ({ name: `ubatch ${ubatch}`, steps: 1, ubatch, prompts: long(count) })),
    { name: 'text', steps: 1, prompts: TEXTS.map(([name, text]) => ({ name, text })) },
    { name: 'special', steps: 1, prompts: SPECIAL.map((tokens) => ({ name: tokens.join(), tokens })) },
    { name: 'unseen 0', steps: 0, stages: 'embd', prompts: long(1) },
    { name: 'unseen 2', steps: 2, stages: 'embd', prompts: long(100) },
  ];
  const named = runs.map((run) => ({ model: MODEL, ...run }));
  const names = runs.flatMap(({ name, prompts }) => prompts.map((prompt) => `${name}: ${prompt.name}`));
  const config = path('probe.config.json');
  writeFileSync(config, JSON.stringify({ baselines: false, runs: named }));
  const { code, json } = await probeJson<GateResult>(['gate', '--config', config]);
  expect(json.cases).toHaveLength(names.length);
  return { code, reports: new Map(names.map((name, i) => [name, json.cases[i]?.report as Report])) };
}

const reportOf = (name: string): Report => all.reports.get(name) ?? expect.fail(`no run is called ${name}`);
const compare = (prompt: readonly string[], ...options: string[]) => probeJson(['compare', ...prompt, ...options]);

function expectAgreement(json: Report, count?: number): void {
  expect(json.verdict, json.reason).toBe('agree');
  const stages = new Set(json.stages.map(({ stage }) => stage));
  expect([STAGE_NAMES, FEW].map((names) => new Set(names))).toContainEqual(stages);
  if (count !== undefined) {
    expect(json.tokens).toHaveLength(count);
    for (const { step, shape } of json.stages) expect(shape[0]).toBe(step === 0 ? count : 1);
  }
  expect(json.reference.callbackChangesNothing).toBe(true);
  expect(json.generated?.candidate.tokens).toEqual(json.generated?.reference.tokens);
  expect(json.decode).toEqual({ firstDiverged: null, firstOtherChoice: null });
}

describe('prompts of awkward lengths agree', () => {
  test.each(LENGTHS)('%i tokens', (count) => {
    expectAgreement(reportOf(`tokens: ${count}`), count);
  });

  test('and the exit code says so', () => {
    expect(all.code).toBe(0);
  });

  test('one less than the context, and a step that fills it', () => {
    expectAgreement(reportOf(`few: ${CONTEXT - 1}`), CONTEXT - 1);
  });

  test.runIf(isLong)('the whole context', () => {
    expectAgreement(reportOf(`few: ${CONTEXT}`), CONTEXT);
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

  const LONGER = isLong ? ['ggml-org-stories260K.gguf'] : [];
  for (const file of LONGER)
    testThirdParty('513 tokens agree where the context is longer', file, async (model) => {
      const ids = Array.from({ length: 513 }, (_, i) => (i === 0 ? 1 : 260 + ((i * 37) % 200))).join();
      const few = ['--steps', '1', '--stages', FEW.join()];
      const { code, json } = await compare(['--model', model, '--tokens', ids], ...few);
      expectAgreement(json, 513);
      expect(code).toBe(0);
    });
});

describe('prompts past one ubatch', () => {
  test.each(PAST_ONE_UBATCH)('%i tokens, a ubatch of %i', (count, ubatch) => {
    expectAgreement(reportOf(`ubatch ${ubatch}: ${count}`), count);
  });

  test("33 tokens, --ubatch 32, and from the reference's inputs too", async () => {
    const forced = ['--steps', '1', '--ubatch', '32', '--teacher-forced'];
    const { code, json } = await compare(['--model', MODEL, '--tokens', tokens(33)], ...forced);
    expectAgreement(json, 33);
    expect(code).toBe(0);
    expect(json.faults).toEqual([]);
    for (const { local, limit } of json.stages) expect(local).toBeLessThanOrEqual(limit);
  });

  test('a fault of the second pass is found in its first token, and the first pass is right', async () => {
    const args = [
      'compare',
      '--model',
      MODEL,
      '--tokens',
      tokens(40),
      '--steps',
      '0',
      '--ubatch',
      '32',
      '--layers',
      '0',
    ];
    const { code, json } = await probeJson(args, wrong('ropeRestarts'));
    expect(json.first).toMatchObject({ stage: 'q_rope', layer: 0, step: 0, token: 32 });
    expect(json.first?.where).toMatchObject({ tokens: [[32, 39]], wrongRows: 8, rows: 40 });
    expect(json.first?.where?.text).toMatch(/^tokens 32 to 39 are wrong, in all 8 heads, /);
    expect(code).toBe(1);
  });

  test('wrong scores, whose rows are wider in every pass', async () => {
    const args = ['compare', '--model', MODEL, '--tokens', tokens(6), '--steps', '0', '--ubatch', '4'];
    const { code, json, stderr } = await probeJson(args, wrong('unscaled'));
    expect(json.first, stderr).toMatchObject({ stage: 'kq_soft_max', layer: 0, step: 0, token: 1 });
    expect(json.faults?.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(
      [0, 1].map((layer) => `kq_soft_max ${layer}`),
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
  test.each(TEXTS)('%s', (name, text) => {
    const report = reportOf(`text: ${name}`);
    expectAgreement(report);
    expect(report.tokens.length).toBeGreaterThan([...text].length / 2);
  });

  test.each(SPECIAL.map((ids) => [ids.join(), ids] as const))('only special tokens: %s', (name, ids) => {
    expectAgreement(reportOf(`special: ${name}`), ids.length);
  });
});

describe('what tokens cannot show is said', () => {
  const whats = (unseen: Report['unseen']) => unseen.map(({ what }) => what).join('; ');

  test('it is less with every step and token', () => {
    const [blind = [], decoded = [], two = [], many] = ['unseen 0: 1', 'tokens: 1', 'tokens: 2', 'unseen 2: 100'].map(
      (name) => reportOf(name).unseen,
    );
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

  test('passes of 32 do not show what happens between two tiles of 64', () => {
    expect(whats(reportOf('ubatch 32: 100').unseen)).toMatch(/between two tiles/);
  });

  test('probe diff says it too', async () => {
    const out = path('one.arrow');
    await probe(['capture', '--from', 'llama', '--tokens', '1', '--steps', '0', '--no-floors', '--out', out]);
    const { json } = await probeJson(['diff', out, out]);
    expect(whats(json.unseen)).toMatch(/RoPE.*mask.*KV cache/);
  });
});
