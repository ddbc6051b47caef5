import { describe, expect, test } from 'vitest';
import { once } from './support/probe.js';
import { probe, probeBoth, probeJson } from './support/session.js';
import { type WRONG, wrong } from './support/wrong-kernels.js';

const PROMPT = ['--prompt', 'Hello, my friend!'];
const TOKENS = 6;

/** Right for the prompt, wrong with the first token after it: the kernel, the first faulty stage, and where in it. */
const LATE: readonly [keyof typeof WRONG, string, string][] = [
  ['cacheAtZero', 'kq', 'token 6 is wrong, in all 8 heads, only columns 0 and 6 of the head;'],
  ['ropeRestarts', 'q_rope', 'token 6 is wrong, in all 8 heads, every value;'],
];

describe('a bug that only decoding shows', () => {
  const lateRun = (kernel: keyof typeof WRONG) =>
    once(() => probeBoth(['compare', ...PROMPT, '--steps', '2'], wrong(kernel)));
  const runs = new Map(LATE.map(([kernel]) => [kernel, lateRun(kernel)]));
  const runOf = (kernel: keyof typeof WRONG) => runs.get(kernel)?.() ?? expect.fail(`no run of ${kernel}`);

  test.each(LATE)('%s: the prompt is right, step 1 is wrong', async (kernel, stage, where) => {
    const { code, json } = await runOf(kernel);
    expect(json.decode.firstDiverged).toBe(1);
    expect(json.first).toMatchObject({ stage, layer: 0, step: 1, token: TOKENS });
    expect(json.first?.where?.text).toContain(where);
    for (const stage of json.stages) if (stage.step === 0) expect(stage.verdict).toBe('agree');
    for (const { steps } of json.faults ?? []) expect(steps).toEqual([1, 2]);
    expect(code).toBe(1);
  });

  test('the text says where to look, and shows the wrong stages of the step', async () => {
    const { stdout } = await runOf('cacheAtZero');
    expect(stdout).toMatch(
      /^The prompt is right, step 1 is the first that is wrong: look at the KV cache, and at the position that a decoded token gets\.$/m,
    );
    expect(stdout).toMatch(/^ +0 +kq at step 1 .+ DIVERGED *$/m);
    expect(stdout).toMatch(/^steps 1 to 2: \d+ of 160 stages do not agree$/m);
  });

  test('--steps 0 cannot see it, and says so', async () => {
    const { code, json } = await probeJson(['compare', ...PROMPT, '--steps', '0'], wrong('cacheAtZero'));
    expect(json).toMatchObject({ verdict: 'agree', decode: { firstDiverged: null, firstOtherChoice: null } });
    expect(json.unseen.map(({ what }) => what).join()).toContain('the KV cache');
    expect(code).toBe(0);
  });
});

describe('the greedy choices', () => {
  /** Native runs of quantisations in which two tokens are nearly as likely: which of them flips is the machine's. */
  const NEAR_TIES: readonly [string, string, number][] = [
    ['Q4_1', '1,541,542,259,531', 3],
    ['Q6_K', '1,541,542,259,531,469,278,259,907,711,347,456,933,456,535,259,528', 2],
    ['Q6_K', '1,541,542,259,531,469,278,259,907,711,347,456', 5],
    ['Q4_K', '1,541,542,259,531,469,278,259,907,711,347,456', 5],
  ];

  test('of a healthy native run may differ: that is a tie, and no bug', async () => {
    let flipped: Awaited<ReturnType<typeof probeBoth>> | undefined;
    for (const [type, tokens, steps] of NEAR_TIES) {
      const about = ['--quantize', type, '--tokens', tokens, '--steps', String(steps), '--reference', 'native'];
      const run = await probeBoth(['compare', ...about]);
      expect([run.json.verdict, run.code], run.json.reason).toEqual(['agree', 0]);
      if (!run.json.decode.firstOtherChoice) continue;
      flipped = run;
      break;
    }
    const { code, stdout, json } = flipped ?? expect.fail('no run has a near-tie: look for others');
    const other = json.decode.firstOtherChoice;
    expect(json.decode.firstDiverged).toBeNull();
    expect(other).toMatchObject({ tie: true });
    expect(other?.gap).toBeGreaterThan(0);
    expect(other?.gap).toBeLessThan(0.1);
    expect(other?.gap).toBeLessThanOrEqual(other?.allowed ?? 0);
    // Up to there they say the same.
    const step = other?.step ?? 0;
    expect(step).toBeGreaterThan(0);
    const { candidate, reference } = json.generated ?? expect.fail('nothing was said');
    expect(candidate.tokens.slice(0, step)).toEqual(reference.tokens.slice(0, step));
    expect([candidate.tokens[step], reference.tokens[step]]).toEqual([other?.candidate, other?.reference]);
    expect(stdout).toMatch(
      new RegExp(
        `^At step ${step} the greedy choices differ, ${other?.reference} and ${other?.candidate}; the reference prefers its own by .+: a tie: the limits let them move by \\S+\\.$`,
        'm',
      ),
    );
    expect(stdout).toMatch(/^llama-probe says ".+" {2}\(other tokens\)$/m);
    expect(code).toBe(0);
  });

  test('of a broken kernel differ by more than the limits let them', async () => {
    const { code, stdout } = await probe(['compare', ...PROMPT, '--steps', '0'], wrong('epsilon'));
    expect(stdout).toMatch(/^After the prompt the greedy choices differ, \d+ and \d+; .+: no tie: .+ only\.$/m);
    expect(code).toBe(1);
  });

  test.each([[[]], [['--no-floors']]])('natively a choice that is off by ten is no tie either: %j', async (options) => {
    const args = ['compare', ...PROMPT, '--steps', '0', '--reference', 'native', ...options];
    const { json } = await probeJson(args, wrong('epsilon'));
    const other = json.decode.firstOtherChoice;
    expect(other?.step).toBe(0);
    expect(other?.reference).toBe(json.logits?.topK.reference[0]?.id);
    expect(other?.candidate).toBe(json.logits?.topK.candidate[0]?.id);
    expect(other?.gap).toBeGreaterThan(10);
    expect(other?.tie, `${other?.gap} is a tie: ${other?.allowed} are allowed`).toBe(false);
  });
});
