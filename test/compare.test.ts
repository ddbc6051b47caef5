import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PARTS } from '@llama-probe/comparison/ask';
import { inShort, isLong } from '@llama-probe/testing';
import pl from 'nodejs-polars';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GateResult, Report } from '../packages/probe/src/index.js';
import { hasOtherBuild } from './support/builds.js';
import { BUNDLED, TYPES as EVERY_TYPE, sampleTokens, THIRD_PARTY, testThirdParty } from './support/models.js';
import { once, path } from './support/probe.js';
import { probe, probeBoth, probeJson } from './support/session.js';

const STAGES_OF_A_LAYER = [
  ...['attn_rms', 'attn_norm', 'q_proj', 'k_proj', 'v_proj', 'q_rope', 'k_rope', 'kq', 'kq_soft_max', 'kqv_out'],
  ...['attn_out', 'ffn_inp', 'ffn_rms', 'ffn_norm', 'ffn_gate', 'ffn_up', 'ffn_swiglu', 'ffn_out', 'l_out'],
];
const STAGES_OF_THE_MODEL = ['embd', 'result_rms', 'result_norm', 'result_output'];
const MINIMUM = { exact: 1e-5, native: 1e-3 };

/** Every stage of a report was compared, and lies within its limit, which is measured and tight. */
function expectAgreement(json: Report, steps: number): void {
  expect(json.verdict, json.reason).toBe('agree');
  expect(json.first).toBeNull();
  const layers = json.model.layers as number;
  expect(json.stages).toHaveLength((steps + 1) * (layers * STAGES_OF_A_LAYER.length + STAGES_OF_THE_MODEL.length));
  for (const stage of json.stages) {
    const at = `${stage.stage} of layer ${stage.layer} at step ${stage.step}`;
    expect(stage.rel, at).toBeLessThanOrEqual(stage.limit);
    expect(stage.ofLimit, at).toBeLessThanOrEqual(1);
    const { mode } = json.reference as { mode: 'exact' | 'native' };
    if (hasOtherBuild || mode === 'native') expect(stage.floor, at).not.toBeNull();
    expect(stage.limit, at).toBe(Math.max(json.floors.margin * (stage.floor ?? 0), MINIMUM[mode]));
    if (mode === 'exact') expect(stage.limit, at).toBeLessThan(1e-4);
    expect(stage.verdict).toBe('agree');
    expect(stage.count).toBeGreaterThan(0);
  }
}

function expectSameTokens({ generated }: Report, steps: number): void {
  expect(generated?.reference.tokens).toHaveLength(steps + 1);
  expect(generated?.candidate.tokens).toEqual(generated?.reference.tokens);
}

/** Runs of one command, which opens the sides once for all that follow each other on the same model. */
async function compareAll(runs: readonly object[]) {
  const config = path('probe.config.json');
  writeFileSync(config, JSON.stringify({ baselines: false, runs }));
  const { code, json } = await probeJson<GateResult>(['gate', '--config', config]);
  const reports = new Map(json.cases.map(({ name, report }) => [name, report]));
  return { code, reportOf: (name: string): Report => reports.get(name) ?? expect.fail(`no case is called ${name}`) };
}

type All = Awaited<ReturnType<typeof compareAll>>;

/** For many runs in one command: what never ends is waited for longer. */
const MANY = 1_200_000;

const promptsOf = (sample: readonly number[], ...lengths: number[]) =>
  lengths.map((length) => ({ name: String(length), tokens: sample.slice(0, length) }));

describe('the bundled model', () => {
  const STEPS = isLong ? 4 : 2;
  const LONGER = inShort(
    [
      ['Q8_0', 1, isLong ? 16 : 8],
      ['Q8_0', 64, 4],
      ['Q4_K', 100, 2],
    ] as const,
    2,
  );
  const TYPES = EVERY_TYPE.filter(
    (type) => ['Q8_0', 'Q4_K', 'Q6_K'].includes(type) || inShort(EVERY_TYPE, 1).includes(type),
  );
  const NATIVELY = TYPES.filter((type) => type === 'Q6_K' || inShort(TYPES, 1).includes(type));
  let sample: readonly number[];
  let all: All;
  beforeAll(async () => {
    sample = await sampleTokens(BUNDLED);
    expect(sample.length).toBeGreaterThanOrEqual(200);
    // Every type at every length on every adapter, with 16 steps: scripts/false-alarms.ts.
    const runs = TYPES.flatMap((quantize) =>
      (['exact', 'native'] as const).flatMap((reference) => [
        ...(reference === 'exact' || NATIVELY.includes(quantize)
          ? [{ name: reference, quantize, reference, steps: STEPS, prompts: promptsOf(sample, 5) }]
          : []),
        ...LONGER.filter(([type]) => type === quantize).map(([, tokens, steps]) => ({
          ...{ name: reference, quantize, reference, steps, prompts: promptsOf(sample, tokens) },
        })),
      ]),
    );
    all = await compareAll(runs);
  }, MANY);

  test('every run agrees: the exit code is 0', () => {
    expect(all.code).toBe(0);
  });

  describe.each(TYPES)('%s', (type) => {
    test('exact: every stage within ten floors, the same tokens', () => {
      const report = all.reportOf(`exact-${type}-5`);
      expectAgreement(report, STEPS);
      expectSameTokens(report, STEPS);
      expect(report.model.quantization).toBe(type);
      expect(report.reference.mode).toBe('exact');
    });
    test.runIf(NATIVELY.includes(type))('native: agree', () => {
      const report = all.reportOf(`native-${type}-5`);
      expectAgreement(report, STEPS);
      expect(report.reference.mode).toBe('native');
    });
  });

  test.each(LONGER)('%s, a prompt of %i tokens, %i steps', (type, tokens, steps) => {
    const exact = all.reportOf(`exact-${type}-${tokens}`);
    expectAgreement(exact, steps);
    expectSameTokens(exact, steps);
    expect(exact.tokens).toEqual(sample.slice(0, tokens));
    expect(exact.reference.mode).toBe('exact');
    const native = all.reportOf(`native-${type}-${tokens}`);
    expectAgreement(native, steps);
    expect(native.reference.mode).toBe('native');
  });

  test('a type that is asked for is made, and compared', async () => {
    const prompt = ['--tokens', sample.slice(0, 5).join(), '--steps', String(STEPS)];
    const { code, json } = await probeJson(['compare', ...prompt, '--quantize', 'Q6_K', '--reference', 'native']);
    expect(code).toBe(0);
    expect(json.model.quantization).toBe('Q6_K');
    expect(json.stages).toEqual(all.reportOf('native-Q6_K-5').stages);
  });
});

for (const file of inShort(THIRD_PARTY, 1)) {
  // More lengths: scripts/false-alarms.ts.
  let all: Promise<All> | undefined;
  const compared = (model: string) => {
    all ??= sampleTokens(model).then((sample) =>
      compareAll([
        ...[{ name: 'exact', model, reference: 'exact', steps: 4, prompts: promptsOf(sample, 5) }],
        ...[{ name: 'native', model, reference: 'native', steps: 8, prompts: ['Once'] }],
      ]),
    );
    return all;
  };
  testThirdParty('a prompt of 5 tokens agrees', file, async (model) => {
    const { code, reportOf } = await compared(model);
    const report = reportOf('exact-5');
    expect(report.tokens).toHaveLength(5);
    expectAgreement(report, 4);
    expectSameTokens(report, 4);
    expect(report.reference.mode).toBe('exact');
    expect(code).toBe(0);
  });
  testThirdParty('agrees natively, from text', file, async (model) => {
    const { code, reportOf } = await compared(model);
    const report = reportOf('native-once');
    expectAgreement(report, 8);
    expectSameTokens(report, 8);
    expect(report.reference.mode).toBe('native');
    expect(code).toBe(0);
  });
}

const OUT = path('dumps/deep');
const DUMPS = { candidate: join(OUT, 'candidate.arrow'), reference: join(OUT, 'reference.arrow') };
const HELLO = ['--prompt', 'Hello', '--steps', '2'];
/** The run whose dumps are kept. */
const hello = once(() => probeJson(['compare', ...HELLO, '--out', OUT]));

describe('what a comparison prints', () => {
  test('with no options: the bundled model says hello, in exact mode', async () => {
    const { code, stdout, stderr } = await probe(['compare'], { env: { CI: '1' } });
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/error|warn/i);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    expect(stdout).not.toMatch(/\x1b/);
    expect(stdout).toContain(basename(BUNDLED));
    expect(stdout).toMatch(/^reference .*llama\.cpp v0\.5\.0, exact/m);
    for (const column of ['RMS delta', 'relative', 'floor', 'limit', 'of limit', 'verdict'])
      expect(stdout).toContain(column);
    const rows = new Map<string, string[]>();
    for (const line of stdout.split('\n')) {
      const [, layer, stage, ...cells] =
        /^ +(\d+)? +([a-z_]+) +(\S+) +(\S+) +(?:(\S+) +)?(\S+) +(\S+) × +(agree|DIVERGED|incomparable)/.exec(line) ??
        [];
      if (stage) rows.set(`${layer ?? ''}/${stage}`, cells);
    }
    const number = /^\d(\.\d+)?(e[+-]\d+)?$/;
    const layers = [...new Set([...rows.keys()].map((key) => key.split('/')[0]))].filter(Boolean);
    expect(layers.length).toBeGreaterThanOrEqual(4);
    const wanted = [
      ...STAGES_OF_THE_MODEL.map((stage) => `/${stage}`),
      ...layers.flatMap((layer) => STAGES_OF_A_LAYER.map((stage) => `${layer}/${stage}`)),
    ];
    expect([...rows.keys()].sort()).toEqual(wanted.sort());
    for (const [key, [rms, rel, floor, limit, share, verdict]] of rows) {
      for (const cell of [rms, rel, ...(hasOtherBuild ? [floor] : []), limit]) expect(cell, key).toMatch(number);
      expect(Number(limit), key).toBeGreaterThanOrEqual(1e-5);
      expect(Number(share), key).toBeLessThanOrEqual(1);
      expect(verdict).toBe('agree');
    }
    expect(stdout).toMatch(/^✓ agree: All \d+ stages agree; the closest to its limit is .+ \(limit \d.*e-5\)\.$/m);
    const [theirs, ours] = ['llama.cpp   ', 'llama-probe '].map(
      (name) => stdout.split('\n').find((line) => line.startsWith(`${name}says "`)) ?? '',
    );
    expect(theirs?.slice(12)).toBe(ours?.slice(12));
    expect(theirs?.length).toBeGreaterThan('llama.cpp   says ""'.length);
    expect(stdout.match(/^ +[1-5] +".*" \(\d+\) +-?\d+\.\d{4} +".*" \(\d+\) +-?\d+\.\d{4}/gm)).toHaveLength(5);
    expect(stdout).toMatch(/KL divergence/);
  });

  test('the native limit is printed as it is', async () => {
    const args = ['--reference', 'native', '--steps', '0', '--stages', 'embd'];
    const { stdout, json } = await probeBoth(['compare', ...args]);
    expect(Number(/\(limit (\S+)\)/.exec(stdout)?.[1])).toBe(json.stages[0]?.limit);
    expect(Number(/embd +\S+ +\S+ +\S+ +(\S+) +\S+ × +agree/.exec(stdout)?.[1])).toBe(json.stages[0]?.limit);
  });

  test('--json: the fields of the contract, on stdout alone', async () => {
    const { json, stderr } = await hello();
    expect(stderr).not.toMatch(/[{}]/);
    const number = expect.any(Number);
    const string = expect.any(String);
    expect(json).toMatchObject({
      schema: 1,
      verdict: 'agree',
      reason: string,
      model: { file: BUNDLED, arch: 'llama', quantization: 'F16', layers: number, bytes: readFileSync(BUNDLED).length },
      reference: { name: 'llama.cpp', version: 'v0.5.0', mode: 'exact', callbackChangesNothing: true },
      candidate: { name: 'llama-probe', backend: string, adapter: string },
      first: null,
      logits: { top1Agree: true, klDivergence: number },
      timings: { total: number },
    });
    const { total = 0, ...timings } = json.timings as Record<string, number>;
    const parts = PARTS.flatMap((part) => timings[part] ?? []);
    expect(parts.every((ms) => ms > 0)).toBe(true);
    expect(parts.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(total, 3);
    expect(timings).toMatchObject({ loading: number, upload: number, engine: number, llama: number, diff: number });
    expect(json.tokens.every(Number.isInteger)).toBe(true);
    for (const side of ['candidate', 'reference'] as const) expect(json.logits?.topK[side]).toHaveLength(5);
    expect(json.logits?.klDivergence).toBeLessThan(1e-6);
    for (const stage of json.stages) {
      const layer = STAGES_OF_THE_MODEL.includes(stage.stage) ? null : number;
      const nullOrNumber = { floor: hasOtherBuild ? number : null, local: null };
      expect(stage).toMatchObject({ order: number, step: number, layer, stage: string, ...nullOrNumber });
      expect(stage).toMatchObject({ rms: number, rel: number, maxAbs: number, cosine: number, limit: number });
      expect(stage.shape).toEqual([stage.step === 0 ? json.tokens.length : 1, number]);
      expect(stage.cosine).toBeGreaterThan(0.999999);
    }
    const order = json.stages.map(({ step, order }) => step * 1e6 + order);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});

describe('the options', () => {
  test('--stages, --layers and --steps choose what is compared', async () => {
    const args = ['--stages', 'embd,q_rope,kq', '--layers', '0,2-3', '--steps', '2'];
    const { code, json } = await probeJson(['compare', ...args]);
    const seen = json.stages.map(({ step, layer, stage }) => `${step}/${layer}/${stage}`);
    const wanted = [0, 1, 2].flatMap((step) => [
      `${step}/null/embd`,
      ...[0, 2, 3].flatMap((layer) => ['q_rope', 'kq'].map((stage) => `${step}/${layer}/${stage}`)),
    ]);
    expect(seen.sort()).toEqual(wanted.sort());
    expect(json.logits).toBeNull();
    expect(json.generated?.reference.tokens).toHaveLength(3);
    expect(code).toBe(0);
  });

  test('--prompt, --prompt-file and --tokens of the same text are the same run', async () => {
    const file = path('prompt.txt');
    writeFileSync(file, 'Good morning!');
    const few = ['--steps', '1', '--stages', 'embd,result_output'];
    const text = await probeJson(['compare', '--prompt', 'Good morning!', ...few]);
    const fromFile = await probeJson(['compare', '--prompt-file', file, ...few]);
    const fromIds = await probeJson(['compare', '--tokens', text.json.tokens.join(' '), ...few]);
    expect(text.json.tokens.length).toBeGreaterThan(1);
    for (const { json } of [fromFile, fromIds]) {
      expect(json.tokens).toEqual(text.json.tokens);
      expect(json.generated).toEqual(text.json.generated);
      expect(json.stages).toEqual(text.json.stages);
    }
  });

  test('--chat puts the prompt into the chat template', async () => {
    const few = [...HELLO, '--stages', 'result_output'];
    const plain = await hello();
    const { code, json } = await probeJson(['compare', '--chat', ...few]);
    expect(code).toBe(0);
    expect(json.tokens.length).toBeGreaterThan(plain.json.tokens.length);
    expect(json.tokens[0]).toBe(plain.json.tokens[0]); // one BOS
    expect(json.tokens[1]).not.toBe(json.tokens[0]);
  });

  // Where all tests run, test/gate.test.ts: SwiftShader takes seconds to compile its kernels.
  test.runIf(isLong)('--adapter swiftshader computes the same', async () => {
    const { code, json } = await probeJson(['compare', '--adapter', 'swiftshader', '--steps', '1']);
    expect(json.candidate.adapter).toMatch(/SwiftShader/);
    expectAgreement(json, 1);
    expectSameTokens(json, 1);
    expect(code).toBe(0);
  });
});

describe('--out', () => {
  let report: Report;
  beforeAll(async () => {
    report = (await hello()).json;
  });

  test('keeps both dumps, whole, and nothing else', () => {
    expect(report.verdict).toBe('agree');
    expect(readdirSync(OUT).sort()).toEqual(['candidate.arrow', 'reference.arrow']);
  });

  test('polars reads them', () => {
    const stages = report.stages.filter(({ step }) => step === 0).length;
    for (const file of Object.values(DUMPS)) {
      const frame = pl.readIPC(readFileSync(file));
      expect(frame.columns).toEqual(['step', 'order', 'layer', 'stage', 'token', 'values']);
      expect(frame.height).toBe(stages * (report.tokens.length + 2));
    }
    const [ours, theirs] = [DUMPS.candidate, DUMPS.reference].map((file) =>
      pl.readIPC(readFileSync(file)).filter(pl.col('stage').cast(pl.Utf8).eq(pl.lit('result_output'))),
    );
    const [a, b] = [ours, theirs].map((frame) => frame?.getColumn('values').toArray().at(-1) as unknown as number[]);
    expect(a).toHaveLength(report.stages.find(({ stage }) => stage === 'result_output')?.shape[1] as number);
    expect(Math.max(...(a ?? []).map((value, i) => Math.abs(value - (b?.[i] ?? Number.NaN))))).toBeLessThan(1e-3);
  });

  test('probe diff says of them what compare said', async () => {
    const { code, json } = await probeJson(['diff', DUMPS.candidate, DUMPS.reference]);
    expect(code).toBe(0);
    const { verdict, reason, first, stages, logits } = report;
    expect(json).toMatchObject({ schema: 1, verdict, reason, first, stages, logits });
    expect(json.tokens).toEqual([...report.tokens, ...(report.generated?.reference.tokens.slice(0, 2) ?? [])]);
    const text = await probe(['diff', DUMPS.candidate, DUMPS.reference]);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain(`✓ agree: ${report.reason}`);
  });

  test('probe inspect shows them', async () => {
    const { code, json } = await probeJson<{
      metadata: { tokens: number[]; prompt: string; producer: { name: string } };
      tensors: { stage: string; nan: number; rms: number }[];
    }>(['inspect', DUMPS.reference]);
    expect(code).toBe(0);
    expect(json.tensors).toHaveLength(report.stages.length);
    expect(json.metadata.tokens.slice(0, report.tokens.length)).toEqual(report.tokens);
    expect(json.metadata.prompt).toBe('Hello');
    expect(json.metadata.producer.name).toBe('llama.cpp');
    for (const { stage, nan, rms } of json.tensors) {
      if (stage !== 'kq') expect(nan, stage).toBe(0);
      expect(rms).toBeGreaterThan(0);
    }
    const one = ['--stage', 'kq', '--layer', '1', '--step', '0', '--values', '2'];
    const text = await probe(['inspect', DUMPS.candidate, ...one]);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('1 tensors, by llama-probe');
    expect(text.stdout).toMatch(/0\/1\/kq\[1\] {2}-?\d/);
  });

  test('a captured side is the side of the comparison', async () => {
    for (const [from, producer] of [
      ['llama', 'llama.cpp'],
      ['webgpu', 'llama-probe'],
    ] as const) {
      const file = path(`${from}.arrow`);
      const few = [...HELLO, '--reference', 'exact'];
      const captured = await probeJson<{ file: string; tokens: number[]; tensors: number }>([
        'capture',
        '--from',
        from,
        '--out',
        file,
        ...few,
      ]);
      expect(captured.code).toBe(0);
      expect(captured.json).toMatchObject({ schema: 1, file, tensors: report.stages.length });
      expect(existsSync(file)).toBe(true);
      const { code, json } = await probeJson(['diff', file, DUMPS.reference]);
      expect(json.verdict, json.reason).toBe('agree');
      expect(json.candidate.name).toBe(producer);
      expect(code).toBe(0);
    }
  });
});
