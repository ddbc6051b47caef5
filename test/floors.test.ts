import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { hasOtherBuild } from './support/builds.js';
import { type Loaded, loadDump, writeDump } from './support/dumps.js';
import { CACHE, path, probe, probeJson } from './support/probe.js';
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
const folder = join(CACHE, 'floors');
const kept = () => (existsSync(folder) ? readdirSync(folder).sort() : []);

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
    let made: string[];
    beforeAll(async () => {
      const before = new Set(kept());
      first = (await probeJson(run)).json;
      made = kept().filter((name) => !before.has(name));
      second = (await probeJson(run)).json;
    });

    test('every stage has a floor, and the limit that follows from it', () => {
      expect(first.verdict, first.reason).toBe('agree');
      expect(first.floors).toEqual({ ...RULE[mode], method: expect.stringContaining(`llama.cpp ${mode} (`) });
      expect(first.floors.method).toContain('against exact (');
      for (const stage of first.stages) expect(stage.floor, nameOf(stage)).toBeGreaterThanOrEqual(0);
      expectLimits(first);
      // They are no constants: most stages have one of their own, and natively it is what decides.
      expect(new Set(floorsOf(first)).size).toBeGreaterThan(first.stages.length / 2);
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

    test('--margin and --minimum are echoed, and change the limits as they say', async () => {
      const { json } = await probeJson([...run, '--margin', '40', '--minimum', '2e-7']);
      expect(json.floors).toEqual({ method: first.floors.method, margin: 40, minimum: 2e-7 });
      expect(floorsOf(json)).toEqual(floorsOf(first));
      expectLimits(json);
      expect(json.stages.some(({ limit }) => limit > 2e-7)).toBe(true);
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

describe('limits can fail', () => {
  const nothing = ['--margin', '0', '--minimum', '0'];

  test('--margin 0 --minimum 0: a healthy run diverges at its first rounding', async () => {
    const { code, json } = await probeJson(['compare', ...PROMPT, '--steps', '0', ...nothing]);
    expect(json.floors).toMatchObject({ margin: 0, minimum: 0 });
    expect(json.verdict).toBe('diverged');
    expect(json.first).toMatchObject({ layer: 0 });
    for (const { limit, rel, verdict } of json.stages)
      expect([limit, verdict]).toEqual([0, rel === 0 ? 'agree' : 'diverged']);
    expect(code).toBe(1);
  });

  test('the same against itself agrees, and is at none of its limit', async () => {
    const out = path('itself.arrow');
    await probe(['capture', '--from', 'llama', ...PROMPT, '--steps', '0', '--out', out]);
    const { code, json } = await probeJson(['diff', out, out, ...nothing]);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    for (const stage of json.stages) expect(stage.ofLimit, nameOf(stage)).toBe(0);
    expect((await probe(['diff', out, out, ...nothing])).stdout).not.toContain('NaN');
  });
});

describe.skipIf(!hasOtherBuild)('floors in the cache that cannot be used are measured again', () => {
  const run = ['compare', ...PROMPT, '--steps', '0', '--stages', 'q_proj,kq', '--layers', '0-1'];
  let measured: Report;
  let file: string;
  beforeAll(async () => {
    const before = new Set(kept());
    measured = (await probeJson(run)).json;
    file = join(folder, kept().find((name) => !before.has(name)) as string);
    // 0 where the other build computes the same bits; but all the same would be no floors.
    for (const floor of floorsOf(measured)) expect(floor).not.toBeNull();
    expect(Math.max(...floorsOf(measured).map(Number))).toBeGreaterThan(0);
  });

  test.each<[string, string | undefined]>([
    ['there are none', undefined],
    ['cut off', '{"0/0/q_proj":[1e-7,1e-'],
    ['an object of nothing', '{}'],
    ['of one stage only', '{"0/0/q_proj":[1e-7,2e-7,3e-7]}'],
    ['words', '{"0/0/q_proj":["a","b","c"],"0/0/kq":[1,1,1],"0/1/q_proj":[1,1,1],"0/1/kq":[1,1,1]}'],
    ['negative', '{"0/0/q_proj":[-1,-1,-1],"0/0/kq":[1,1,1],"0/1/q_proj":[1,1,1],"0/1/kq":[1,1,1]}'],
  ])('%s', async (_, content) => {
    if (content === undefined) rmSync(file);
    else writeFileSync(file, content);
    const { code, json, stderr } = await probeJson(run);
    expect(floorsOf(json), stderr).toEqual(floorsOf(measured));
    expect(json.stages).toEqual(measured.stages);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('"0/1/kq":[');
  });

  test('other tokens have floors of their own', async () => {
    const before = kept();
    await probeJson(run.with(2, 'Goodbye, my friend!'));
    expect(kept()).toHaveLength(before.length + 1);
  });

  test('a folder in its place is no error, and nothing is left behind', async () => {
    rmSync(file);
    mkdirSync(file);
    const { code, json } = await probeJson(run);
    expect(json.stages).toEqual(measured.stages);
    expect(code).toBe(0);
    expect(
      kept().filter((name) => !/^[0-9a-f]+\.txt$/.test(name)),
      'left behind',
    ).toEqual([]);
    rmSync(file, { recursive: true });
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
  const candidate = path('candidate.arrow');
  const captured = { exact: path('exact.arrow'), native: path('native.arrow') };
  let exact: Loaded;
  beforeAll(async () => {
    await probe(['capture', '--from', 'webgpu', ...run, '--out', candidate]);
    for (const mode of ['exact', 'native'] as const)
      await probe(['capture', '--from', 'llama', ...run, '--reference', mode, '--out', captured[mode]]);
    exact = await loadDump(captured.exact);
  });

  test.each(['exact', 'native'] as const)('%s: probe diff judges by the same limits as compare', async (mode) => {
    const compared = await probeJson(['compare', ...run, '--reference', mode]);
    const { code, json } = await probeJson(['diff', candidate, captured[mode]]);
    expect(json.floors).toEqual(compared.json.floors);
    expect(json.stages).toEqual(compared.json.stages);
    expect(json.reason).toBe(compared.json.reason);
    expectLimits(json);
    expect(code).toBe(0);
  });

  test('--margin, --minimum and --no-floors change how diff judges by them', async () => {
    const diff = (...options: string[]) => probeJson(['diff', candidate, captured.native, ...options]);
    const [measured, other, strict, none] = await Promise.all([
      diff(),
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
