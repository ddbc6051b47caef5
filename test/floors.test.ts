import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GateResult, Report } from '../packages/probe/src/index.js';
import { hasOtherBuild } from './support/builds.js';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { once, ownCache, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { nameOf } from './support/upstream.js';

const PROMPT = ['--prompt', 'Hello, my friend!'];
const RULE = { exact: { margin: 10, minimum: 1e-5 }, native: { margin: 3, minimum: 1e-3 } };
const UNMEASURED = { exact: 1e-5, native: 0.15 };

type Stage = Report['stages'][number];

/** The limits of a row and of a single value have larger minimums: docs/architecture.md says how much. */
function expectLimits({ floors, stages }: Report): void {
  const { margin, minimum } = floors;
  for (const stage of stages) {
    const at = nameOf(stage);
    const { floor, limit, limits, ofLimit, rel, worstRow, maxAbs, referenceRms } = stage;
    expect(limit, at).toBe(Math.max(margin * (floor ?? 0), minimum));
    expect(limits.rel, at).toBe(limit);
    expect(limits.row, at).toBeGreaterThanOrEqual(limit);
    expect(limits.value, at).toBeGreaterThanOrEqual(limit);
    const shares = [rel / limit, (worstRow?.rel ?? 0) / limits.row, maxAbs / referenceRms / limits.value];
    const share = Math.max(...shares);
    expect(Math.abs(ofLimit - share), at).toBeLessThanOrEqual(1e-9 * share);
    expect(stage.verdict, at).toBe(ofLimit <= 1 ? 'agree' : 'diverged');
  }
}

const floorsOf = ({ stages }: Report) => stages.map(({ floor }) => floor);
const folder = join(ownCache(), 'floors');
const kept = () => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Several runs on the same sides, in one command. */
async function compareAll(...runs: readonly object[]) {
  const config = path('probe.config.json');
  writeFileSync(config, JSON.stringify({ baselines: false, runs }));
  const { code, json, stderr } = await probeJson<GateResult>(['gate', '--config', config]);
  return { code, stderr, reports: json.cases.map(({ report }) => report) };
}

test.skipIf(hasOtherBuild)(
  'where llama.cpp has one kind of build, the floors of exact are constants, and it is said',
  async () => {
    const { code, json } = await probeJson(['compare', ...PROMPT, '--steps', '1', '--reference', 'exact']);
    expect(json.floors).toMatchObject({
      minimum: UNMEASURED.exact,
      method: 'not measured: this machine runs one kind of CPU build only',
    });
    for (const stage of json.stages) expect([stage.floor, stage.limit]).toEqual([null, UNMEASURED.exact]);
    expectLimits(json);
    expect(code).toBe(0);
  },
);

describe.each([...(hasOtherBuild ? [['exact', 'F16'] as const] : []), ['native', 'Q4_K'] as const])(
  '%s, %s: limits follow from what was measured',
  (mode, type) => {
    const run = ['compare', ...PROMPT, '--steps', '1', '--reference', mode, '--quantize', type];
    let first: Report;
    let second: Report;
    let other: Report;
    let made: string[];
    beforeAll(async () => {
      const before = new Set(kept());
      const prompts = ['first', 'second'].map((name) => ({ name, text: PROMPT[1] as string }));
      const same = { steps: 1, reference: mode, quantize: type, prompts };
      const { reports } = await compareAll(same, {
        ...same,
        name: 'other',
        prompts: prompts.slice(0, 1),
        margin: 40,
        minimum: 2e-7,
      });
      [first, second, other] = reports as [Report, Report, Report];
      made = kept().filter((name) => !before.has(name));
    });

    test('every stage has a floor, and the limit that follows from it', () => {
      expect(first.verdict, first.reason).toBe('agree');
      expect(first.floors).toEqual({ ...RULE[mode], method: expect.stringContaining(`llama.cpp ${mode} (`) });
      expect(first.floors.method).toContain('against exact (');
      for (const stage of first.stages) expect(stage.floor, nameOf(stage)).toBeGreaterThanOrEqual(0);
      expectLimits(first);
      // They are no constants: steps and neighbouring layers share one, other stages have another, and natively it is what decides.
      expect(new Set(floorsOf(first)).size).toBeGreaterThan(first.stages.length / 5);
      const decided = first.stages.filter(({ limit }) => limit > RULE[mode].minimum);
      if (mode === 'native') expect(decided.length).toBeGreaterThan(first.stages.length / 2);
    });

    test('the second run finds the same in the cache', () => {
      expect(made).toHaveLength(1);
      expect(second.stages).toEqual(first.stages);
      expect(second.floors).toEqual(first.floors);
    });

    test('what it finds there is what it judges by', async () => {
      const file = join(folder, made[0] as string);
      const whole = readFileSync(file, 'utf8');
      const floors = JSON.parse(whole.split('\n')[1] ?? '') as Record<string, [number, number, number]>;
      const doubled = Object.entries(floors).map(([key, floor]) => [key, floor.map((value) => 2 * value)]);
      const json2 = JSON.stringify(Object.fromEntries(doubled));
      writeFileSync(file, `${createHash('sha256').update(json2).digest('hex')}\n${json2}`);
      const { json } = await probeJson(run);
      writeFileSync(file, whole);
      expect(floorsOf(json)).toEqual(floorsOf(first).map((floor) => 2 * (floor as number)));
      expectLimits(json);
    });

    test('a margin and a minimum are echoed, and change the limits as they say', () => {
      expect(other.floors).toEqual({ method: first.floors.method, margin: 40, minimum: 2e-7 });
      expect(floorsOf(other)).toEqual(floorsOf(first));
      expectLimits(other);
      expect(other.stages.some(({ limit }) => limit > 2e-7)).toBe(true);
    });

    test('--no-floors falls back to constants, and says that nothing was measured', async () => {
      const { code, json } = await probeJson([...run, '--no-floors']);
      expect(json.floors).toEqual({
        margin: RULE[mode].margin,
        minimum: UNMEASURED[mode],
        method: expect.stringMatching(/^not measured: --no-floors/),
      });
      for (const stage of json.stages) expect([stage.floor, stage.limit]).toEqual([null, UNMEASURED[mode]]);
      expectLimits(json);
      expect(code).toBe(0);
    });
  },
);

const NOTHING = ['--margin', '0', '--minimum', '0'];

describe('limits can fail', () => {
  test('--margin 0 --minimum 0: a healthy run diverges at its first rounding', async () => {
    // Each stage would be looked into.
    const run = ['compare', ...PROMPT, '--steps', '0', '--layers', '0-1', '--no-blame'];
    const { code, json } = await probeJson([...run, ...NOTHING]);
    expect(json.floors).toMatchObject({ margin: 0, minimum: 0 });
    expect(json.verdict).toBe('diverged');
    expect(json.first).toMatchObject({ layer: 0 });
    for (const { limit, rel, verdict } of json.stages)
      expect([limit, verdict]).toEqual([0, rel === 0 ? 'agree' : 'diverged']);
    expect(code).toBe(1);
  });
});

describe.skipIf(!hasOtherBuild)('floors in the cache that cannot be used are measured again', () => {
  const DAMAGES: readonly (readonly [string, (file: string) => void])[] = [
    ['there are none', (file) => rmSync(file)],
    ['cut off', (file) => writeFileSync(file, '{"0/0/q_proj":[1e-7,1e-')],
    ['an object of nothing', (file) => writeFileSync(file, '{}')],
    ['of one stage only', (file) => writeFileSync(file, '{"0/0/q_proj":[1e-7,2e-7,3e-7]}')],
    ['words', (file) => writeFileSync(file, `{"0/0/q_proj":["a","b","c"],${THE_OTHERS}}`)],
    ['negative', (file) => writeFileSync(file, `{"0/0/q_proj":[-1,-1,-1],${THE_OTHERS}}`)],
  ];
  const THE_OTHERS = '"0/0/kq":[1,1,1],"0/1/q_proj":[1,1,1],"0/1/kq":[1,1,1]';
  const prompts = [...DAMAGES.map(([name]) => name), 'a folder'].map((name, i) => ({
    name,
    text: `Hello, ${i} friends!`,
  }));
  const run = { steps: 0, stages: ['q_proj', 'kq'], layers: '0-1', prompts };
  let measured: readonly Report[];
  let again: Awaited<ReturnType<typeof compareAll>>;
  /** A file of each prompt: which is whose does not matter. */
  let files: readonly string[];
  let whole: readonly string[];
  let folderInPlace: string;
  beforeAll(async () => {
    const before = new Set(kept());
    measured = (await compareAll(run)).reports;
    files = kept()
      .filter((name) => !before.has(name))
      .map((name) => join(folder, name));
    whole = files.map((file) => readFileSync(file, 'utf8'));
    for (const [i, [, damage]] of DAMAGES.entries()) damage(files[i] as string);
    folderInPlace = files.at(-1) as string;
    rmSync(folderInPlace);
    mkdirSync(folderInPlace);
    again = await compareAll(run);
  });

  test('other tokens have floors of their own', () => {
    expect(measured).toHaveLength(prompts.length);
    expect(files).toHaveLength(prompts.length);
    // 0 where the other build computes the same bits; but all the same would be no floors.
    const floors = measured.flatMap(floorsOf);
    for (const floor of floors) expect(floor).not.toBeNull();
    expect(Math.max(...floors.map(Number))).toBeGreaterThan(0);
  });

  test('every run is judged as before', () => {
    expect(again.reports).toHaveLength(prompts.length);
    for (const [i, report] of again.reports.entries()) {
      expect(floorsOf(report), again.stderr).toEqual(floorsOf(measured[i] as Report));
      expect(report.stages).toEqual(measured[i]?.stages);
      expect(report.verdict, report.reason).toBe('agree');
    }
    expect(again.code).toBe(0);
  });

  test.each(DAMAGES.map(([name], i) => [name, i] as const))('%s', (_, i) => {
    const now = readFileSync(files[i] as string, 'utf8');
    expect(now).toBe(whole[i]);
    expect(now).toContain('"0/1/kq":[');
  });

  test('a folder in its place is no error, and nothing is left behind', () => {
    expect(statSync(folderInPlace).isDirectory()).toBe(true);
    expect(
      kept().filter((name) => !/^[0-9a-f]+\.txt$/.test(name)),
      'left behind',
    ).toEqual([]);
    rmSync(folderInPlace, { recursive: true });
  });
});

describe('bad values of the options are refused', () => {
  test.each([
    ['--margin', '-1'],
    ['--margin', 'ten'],
    ['--minimum', 'NaN'],
    ['--minimum', ''],
  ])('%s %s', async (option, value) => {
    const command = value === '-1' ? ['diff', 'a.arrow', 'b.arrow'] : ['compare'];
    const { code, json, stderr } = await probeJson<{ error: { code: string } }>([...command, option, value]);
    expect(json.error.code).toBe('usage');
    expect(stderr).toContain(`option '${option} <`);
    expect(stderr).toContain(`'${value}' is invalid. Wanted a number, 0 or more, such as 1e-5.`);
    expect(code).toBe(2);
  });
});

describe('floors in a dump', () => {
  const run = [...PROMPT, '--steps', '1', '--quantize', 'Q4_K'];
  const captured = { exact: path('exact.arrow'), native: path('native.arrow') };
  const compared: Partial<Record<keyof typeof captured, { json: Report; candidate: string }>> = {};
  let candidate: string; // of the native run
  let exact: Loaded;
  beforeAll(async () => {
    for (const mode of ['exact', 'native'] as const) {
      const out = path(mode);
      await probe(['capture', '--from', 'llama', ...run, '--reference', mode, '--out', captured[mode]]);
      const { json } = await probeJson(['compare', ...run, '--reference', mode, '--out', out]);
      candidate = join(out, 'candidate.arrow');
      compared[mode] = { json, candidate };
    }
    exact = await loadDump(captured.exact);
  });

  const diffOf = (mode: keyof typeof captured) =>
    once(() => probeJson(['diff', compared[mode]?.candidate ?? '', captured[mode]]));
  const diffs = { exact: diffOf('exact'), native: diffOf('native') };

  test.each(['exact', 'native'] as const)('%s: probe diff judges by the same limits as compare', async (mode) => {
    const { json: before } = compared[mode] ?? expect.fail(`nothing was compared with ${mode}`);
    const { code, json } = await diffs[mode]();
    expect(json.floors).toEqual(before.floors);
    expect(json.stages).toEqual(before.stages);
    expect(json.reason).toBe(before.reason);
    expectLimits(json);
    expect(code).toBe(0);
  });

  test('the same against itself agrees with limits of 0 too, and is at none of its limit', async () => {
    const itself = ['diff', captured.exact, captured.exact, ...NOTHING];
    const { code, json } = await probeJson(itself);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    for (const stage of json.stages) expect(stage.ofLimit, nameOf(stage)).toBe(0);
    expect((await probe(itself)).stdout).not.toContain('NaN');
  });

  test('--margin, --minimum and --no-floors change how diff judges by them', async () => {
    const diff = (...options: string[]) => probeJson(['diff', candidate, captured.native, ...options]);
    const [measured, other, strict, none] = await Promise.all([
      diffs.native(),
      diff('--margin', '7', '--minimum', '1e-4'),
      diff('--margin', '0.5', '--minimum', '1e-9'),
      diff('--no-floors'),
    ]);
    expect(other.json.floors).toEqual({ ...measured.json.floors, margin: 7, minimum: 1e-4 });
    expect(floorsOf(other.json)).toEqual(floorsOf(measured.json));
    for (const { json } of [measured, other, strict, none]) expectLimits(json);
    expect([strict.code, strict.json.verdict]).toEqual([1, 'diverged']);
    expect(none.json.floors.method).toMatch(/^not measured: --no-floors/);
    expect(none.json.stages.map(({ limit }) => limit)).toEqual(none.json.stages.map(() => UNMEASURED.native));
  });

  test('a dump without floors is judged by constants, and the report says how to get some', async () => {
    const bare = path('bare.arrow');
    await probe(['capture', '--from', 'llama', ...run, '--reference', 'native', '--no-floors', '--out', bare]);
    const { code, json } = await probeJson(['diff', candidate, bare]);
    expect(json.floors).toMatchObject({ minimum: UNMEASURED.native, method: expect.stringMatching(/^not measured/) });
    expect(new Set(json.stages.map(({ floor, limit }: Stage) => `${floor} ${limit}`))).toEqual(new Set(['null 0.15']));
    expect(code).toBe(0);
    const foreign = writeDump({ ...exact, metadata: withFloors(undefined) }, (all) => all);
    const text = await probe(['diff', candidate, foreign]);
    expect(text.stdout).toMatch(/^limits .+ at least 1e-5; floor not measured: .*capture --from llama/m);
    expect(text.code).toBe(0);
  });

  const withFloors = (floors: unknown) => {
    const { floors: _, ...metadata } = exact.metadata;
    return { ...metadata, ...(floors === undefined ? {} : { floors }) } as Loaded['metadata'];
  };
  const good = { method: 'm', margin: 10, minimum: 1e-5 };
  test.each<[string, unknown]>([
    ['a negative floor', { ...good, stages: { '0/0/kq': [1e-7, -1e-7, 1e-7] } }],
    ['a floor in words', { ...good, stages: { '0/0/kq': ['1e-7', 1e-7, 1e-7] } }],
    ['a floor that is NaN', { ...good, stages: { '0/0/kq': [Number.NaN, 1e-7, 1e-7] } }],
    ['a negative margin', { ...good, margin: -1, stages: {} }],
    ['a minimum in words', { ...good, minimum: 'small', stages: {} }],
    ['no minimum', { method: 'm', margin: 10, stages: {} }],
    ['stages that are none', { ...good, stages: 'all' }],
    ['null', null],
  ])('damaged: %s', async (_, floors) => {
    const file = writeDump({ ...exact, metadata: withFloors(floors) }, (all) => all.slice(0, 1));
    const { code, json, stderr } = await probeJson<{ error?: { code: string } }>(['diff', candidate, file]);
    expect(json.error?.code, stderr).toBe('dump-format');
    expect(stderr).toContain(`probe: ${file}: `);
    expect(stderr).toContain('llama_probe.floors must be');
    expect(stderr).toContain('0 or more');
    expect(stderr).not.toMatch(/^ +at |This is a bug/m);
    expect(code).toBe(2);
  });
});
