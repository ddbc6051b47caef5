import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@llama-probe/comparison';
import { decode, encode } from '@llama-probe/comparison/ask';
import type { CheckName, StageResult } from '@llama-probe/diff';
import { openDump } from '@llama-probe/dump';
import { afterAll, describe, expect, test } from 'vitest';
import { type Baseline, BaselineError } from '../src/baseline/baseline.js';
import { decodeBaseline, encodeBaseline } from '../src/baseline/format.js';
import { otherRun } from '../src/baseline/mismatch.js';
import { distance, PROJECTIONS, Projector, placeHash, rowHash, SPREAD } from '../src/baseline/projections.js';
import { StageSketch } from '../src/baseline/sketch.js';
import { casesOf, checkFiles, filesOf, type KnownFault } from '../src/config/cases.js';
import { configSchema } from '../src/config/config.js';
import { inputsHash } from '../src/config/inputs.js';
import { loadConfig } from '../src/config/load.js';
import { rootsOf } from '../src/judge/bad-stages.js';
import { judgeCase } from '../src/judge/judge-case.js';
import { allow } from '../src/judge/known.js';
import { ruleAt } from '../src/judge/stage-limits.js';
import { changesSince } from '../src/judge/worsening.js';
import { runMerge } from '../src/merge.js';
import { type GateResult, goneNotes } from '../src/result.js';
import { blankReport } from '../src/run/blank-report.js';
import { casesOfShard, parseShard } from '../src/shard.js';
import { gateText } from '../src/text.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-gate-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

/** A folder with a file in it; the path of the file. */
function write(name: string, content: string | object): string {
  const own = join(folder, String(++made));
  mkdirSync(own);
  const path = join(own, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const load = async (config: object) => {
  const loaded = await loadConfig(write('probe.config.json', config));
  return casesOf(loaded);
};
const names = async (config: object) => (await load(config)).cases.map(({ name }) => name);

describe('configuration', () => {
  const MISTAKES: readonly (readonly [string, object | string, readonly string[]])[] = [
    ['no runs', {}, ['runs: found nothing', 'wanted a list of runs']],
    ['an empty list of runs', { runs: [] }, ['runs: found []', 'at least one run']],
    ['a misspelt key', { runs: [{}], limts: [] }, ['"limts" is no key', 'did you mean "limits"']],
    ['a misspelt key of a run', { runs: [{ promts: ['a'] }] }, ['runs[0]: "promts"', 'did you mean "prompts"']],
    [
      'a misspelt key of a dump',
      { runs: [{ name: 'a', candidate: 'a.arrow', referense: 'b' }] },
      ['runs[0]: "referense"', 'did you mean "reference"'],
    ],
    ['steps in words', { runs: [{ steps: 'two' }] }, ['runs[0].steps: found "two"', 'how many tokens to decode']],
    ['half a step', { runs: [{ steps: 1.5 }] }, ['runs[0].steps: found 1.5']],
    ['an empty prompt', { runs: [{ prompts: ['ok', ''] }] }, ['runs[0].prompts[1]: found ""', 'not empty']],
    [
      'a prompt of two kinds',
      { runs: [{ prompts: [{ text: 'a', tokens: [1] }] }] },
      ['runs[0].prompts[0]', 'one of text, file and tokens'],
    ],
    ['an unknown reference', { runs: [{ reference: 'none' }] }, ['runs[0].reference: found "none"', '"baseline"']],
    ['a factor below 1', { runs: [{}], worsening: { factor: 0.5 } }, ['worsening.factor: found 0.5', 'above 1']],
    [
      'a day that is none',
      { runs: [{}], known: [{ stages: 'kq', until: '2026-02-30', reason: 'x' }] },
      ['known[0].until: found "2026-02-30"', 'YYYY-MM-DD'],
    ],
    ['a fault without a reason', { runs: [{}], known: [{ stages: 'kq', until: '2026-02-03' }] }, ['known[0].reason']],
    ['a limit without a number', { runs: [{}], limits: [{ stages: 'kq' }] }, ['limits[0]', 'margin, minimum, or both']],
    ['layers in words', { runs: [{ layers: 'first' }] }, ['runs[0].layers: found "first"', '0,2-4']],
    [
      'layers backwards',
      { runs: [{}], limits: [{ stages: 'kq', layers: '4-2', margin: 1 }] },
      ['limits[0].layers', '"4-2"'],
    ],
    ['a stage that is none', { runs: [{ stages: 'q_rop' }] }, ['runs[0].stages', '"q_rop" matches no stage']],
    [
      'a limit for no stage',
      { runs: [{}], limits: [{ stages: 'fnn_*', margin: 2 }] },
      ['limits[0].stages', '"fnn_*" matches no stage'],
    ],
    [
      'a limit for no case',
      { runs: [{}], limits: [{ stages: 'ffn_*', runs: 'big-*', margin: 2 }] },
      ['limits[0].runs', '"big-*" matches no case', 'smalltalk-4M-F16-hello'],
    ],
    ['the same case twice', { runs: [{}, {}] }, ['two cases are called "smalltalk-4M-F16-hello"']],
    [
      'nothing to be held to',
      { baselines: false, runs: [{ name: 'mine', candidate: 'mine.arrow' }] },
      ['baselines', 'mine has no other reference'],
    ],
    [
      'llama.cpp without a model',
      { runs: [{ name: 'mine', candidate: 'mine.arrow', llama: 'exact' }] },
      ['runs[0]', 'the model, for llama.cpp to run'],
    ],
    [
      'a dump without a name',
      { runs: [{ candidate: 'x.arrow', steps: 1, prompts: ['a'] }] },
      ['runs[0].name: found nothing', 'wanted a name'],
    ],
    ['no JSON', '{"runs": [', ['cannot be read']],
    ['a list', '[]', ['found []', 'wanted the configuration']],
  ];
  test.each(MISTAKES)('%s is refused', async (_, config, parts) => {
    const path = write('probe.config.json', config);
    const error = await loadConfig(path)
      .then(casesOf)
      .then(() => undefined)
      .catch((error: Error & { code?: string }) => error);
    expect(error?.code).toBe('usage');
    expect(error?.message).toContain(path);
    for (const part of parts) expect(error?.message).toContain(part);
  });

  test('TypeScript with types, and every shape that is right', async () => {
    const path = write(
      'probe.config.ts',
      `import { defineConfig, type GateConfig } from 'llama-probe';
       const prompts: string[] = ['Hello', 'What is 2 plus 3?'];
       const config: GateConfig = { worsening: { factor: 3 }, runs: [{ quantize: [null, 'Q4_K'], prompts }] };
       export default defineConfig(config);`,
    );
    const { cases, factor } = casesOf(await loadConfig(path));
    expect(factor).toBe(3);
    expect(cases.map(({ name }) => name)).toEqual([
      'smalltalk-4M-F16-hello',
      'smalltalk-4M-F16-what-is-2-plus-3',
      'smalltalk-4M-F16-Q4_K-hello',
      'smalltalk-4M-F16-Q4_K-what-is-2-plus-3',
    ]);
  });

  test('TypeScript without a default export, or that does not parse', async () => {
    await expect(loadConfig(write('probe.config.ts', 'export const config = {};'))).rejects.toThrow(/default export/);
    await expect(loadConfig(write('probe.config.ts', 'export default {'))).rejects.toThrow(/cannot be read/);
  });

  test('programs that fail, or give what is no JSON, are mistakes of theirs and no bug of ours', async () => {
    const refused = (content: string) => expect(loadConfig(write('probe.config.mjs', content))).rejects;
    await refused('throw null;').toMatchObject({ code: 'usage', message: expect.stringContaining('null') });
    await refused('export default { runs: [{ steps: 1n }] };').toThrow(/runs\[0\].steps: found "1n"/);
    await refused('const runs = []; runs.push(runs); export default { runs };').toThrow(/runs\[0\]: found a list/);
  });

  test('what a program prints while it is read is not the result', async () => {
    const written: string[] = [];
    const { write: before } = process.stdout;
    process.stdout.write = ((text: string) => written.push(text) > 0) as typeof before;
    try {
      await loadConfig(write('probe.config.mjs', 'process.stdout.write("hello"); export default { runs: [{}] };'));
      expect(written).toEqual([]);
      process.stdout.write('after');
      expect(written).toEqual(['after']);
    } finally {
      process.stdout.write = before;
    }
  });

  test('a name that is empty, of a folder, or of something else', async () => {
    await expect(loadConfig('', folder)).rejects.toThrow(/the name is empty/);
    await expect(loadConfig('.', folder)).rejects.toThrow(/is a folder/);
    await expect(loadConfig(write('c.yaml', 'runs: []'))).rejects.toThrow(/another ending than .ts, .mts/);
    await expect(loadConfig(write('probe.config.json', '\uFEFF{"runs": [{}]}'))).resolves.toMatchObject({
      config: { runs: [{}] },
    });
  });

  test('every file that the gate reads or keeps is known before it runs', async () => {
    const path = write('probe.config.json', {
      runs: [
        { name: 'm', model: 'm.gguf', prompts: [{ name: 'p', file: 'p.txt' }] },
        { name: 'd', candidate: 'c.arrow', reference: 'r.arrow' },
      ],
    });
    const loaded = await loadConfig(path);
    const files = filesOf(casesOf(loaded), loaded).map((file) => file.split('/').pop());
    for (const name of ['probe.config.json', 'm.gguf', 'p.txt', 'c.arrow', 'r.arrow', 'm-p.arrow', 'd.arrow'])
      expect(files).toContain(name);
  });

  test('a folder with none, and with two', async () => {
    const path = write('probe.config.json', { runs: [{}] });
    writeFileSync(join(path, '..', 'probe.config.ts'), 'export default {};');
    await expect(loadConfig(undefined, join(path, '..'))).rejects.toThrow(/probe.config.ts and probe.config.json/);
    await expect(loadConfig(undefined, join(write('x', ''), '..'))).rejects.toThrow(/has no configuration/);
    await expect(loadConfig('nowhere.json', folder)).rejects.toThrow(/nowhere.json does not exist/);
  });

  test('files that are not there are named with their place, relative to the configuration', async () => {
    const loaded = await loadConfig(write('probe.config.json', { runs: [{ model: 'models/mine.gguf' }] }));
    expect(() => checkFiles(casesOf(loaded).cases, loaded)).toThrow(
      /runs\[0\].model: .*models\/mine.gguf does not exist/,
    );
  });

  test('its JSON Schema is what is in the repository (node scripts/dist/gate-schema.js)', () => {
    const file = new URL('../../probe/schema/probe.config.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });
});

describe('cases', () => {
  test('texts that look alike have names of their own, which do not depend on their neighbours', async () => {
    const prompts = ['Hello!', 'Привет', 'здравствуй', 'a  -  b', 'a b', `${'a'.repeat(40)}b`, `${'a'.repeat(40)}c`];
    const all = await names({ runs: [{ name: 'm', prompts }] });
    expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(prompts.length);
    for (const [i, prompt] of prompts.entries()) {
      expect(await names({ runs: [{ name: 'm', prompts: [prompt] }] })).toEqual([all[i]]);
    }
    for (const name of all) expect(name).toMatch(/^[A-Za-z0-9._-]{1,60}$/);
    await expect(names({ runs: [{ prompts: ['Hello!', 'hello?'] }] })).rejects.toThrow(/give a name to one of/);
  });

  test('limits reach the cases that they are for, and a later one goes first', async () => {
    const { cases } = await load({
      runs: [{ name: 'a' }, { name: 'b', stages: ['ffn_*', 'kq'] }],
      limits: [
        { stages: 'ffn_*', margin: 20, minimum: 1e-4 },
        { stages: ['ffn_out'], layers: '1-2', runs: 'b-*', margin: 5 },
        { stages: 'ffn_up', minimum: 1e-6 },
      ],
    });
    const rules = cases.map(({ limits }) => ruleAt({ margin: 10, minimum: 1e-5 }, limits));
    const at = (i: number, stage: string, layer: number | null) => {
      const rule = rules[i];
      return typeof rule === 'function' ? rule({ stage, layer }) : rule;
    };
    expect(at(0, 'ffn_out', 1)).toEqual({ margin: 20, minimum: 1e-4 });
    expect(at(1, 'ffn_out', 1)).toEqual({ margin: 5, minimum: 1e-4 });
    expect(at(1, 'ffn_out', 3)).toEqual({ margin: 20, minimum: 1e-4 });
    expect(at(1, 'ffn_up', 3)).toEqual({ margin: 20, minimum: 1e-6 });
    expect(at(1, 'kq', 1)).toEqual({ margin: 10, minimum: 1e-5 });
    const [, second] = cases;
    const stages = second?.work.kind === 'engine' ? second.work.options.stages : '';
    expect(stages).toBe('kq,ffn_inp,ffn_rms,ffn_norm,ffn_gate,ffn_up,ffn_swiglu,ffn_out');
  });

  test('token ids are those of any vocabulary', async () => {
    expect(await names({ runs: [{ name: 'm', prompts: [{ tokens: [128_000, 262_143] }] }] })).toEqual([
      'm-128000-262143',
    ]);
  });

  test.each(['0/2', '3/2', '1', '1/0', 'a/b', '-1/2', '1/2/3', ''])('%s is no shard', (text) => {
    expect(parseShard(text)).toBeUndefined();
  });

  test('shards have every case once', () => {
    const cases = Array.from({ length: 11 }, (_, i) => i);
    for (const count of [1, 2, 3, 11]) {
      const parts = Array.from({ length: count }, (_, i) => casesOfShard(cases, { index: i + 1, count }));
      expect(parts.flat().sort((a, b) => a - b)).toEqual(cases);
      const sizes = parts.map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });
});

describe('projections', () => {
  const project = (values: Float32Array, token = 0) => {
    const projector = new Projector();
    for (const [i, value] of values.entries()) projector.add(placeHash(rowHash(token), i), value);
    return projector.result();
  };

  test('estimate a distance within their spread, whatever the values', () => {
    const errors: number[] = [];
    for (let trial = 0; trial < 400; trial++) {
      const size = [3, 64, 256, 1000][trial % 4] as number;
      const a = Float32Array.from({ length: size }, () => Math.random() * 2 - 1);
      const b = a.map((value) => value + 1e-3 * (Math.random() - 0.3));
      const right = Math.hypot(...a.map((value, i) => value - (b[i] as number)));
      // Another token each time: other signs.
      errors.push(distance(project(a, trial), project(b, trial)) / right - 1);
    }
    const spread = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(spread).toBeGreaterThan(SPREAD * 0.7);
    expect(spread).toBeLessThan(SPREAD * 1.3);
    expect(errors.filter((error) => error > 3 * SPREAD).length).toBeLessThan(8);
  });

  test('do not depend on how rows are cut, nor on how many positions a pass has seen', () => {
    const row = (nKv: number) => {
      const values = new Float32Array(2 * nKv).fill(Number.NaN); // 2 heads
      for (let head = 0; head < 2; head++) for (let i = 0; i <= 3; i++) values[head * nKv + i] = head * 10 + i + 0.5;
      return values;
    };
    const [short, long] = [4, 9].map((nKv) => {
      const sketch = new StageSketch(2);
      sketch.add(3, row(nKv), row(nKv));
      return sketch.result();
    });
    expect(short).toEqual(long);
    expect(short?.values).toBe(8);
    expect(short?.nonFinite).toBe(0);
    expect(short?.projections).toHaveLength(PROJECTIONS);
  });

  test('tell two rows from each other: exchanged, they are far from what they were', () => {
    const rows = [0, 1].map(() => Float32Array.from({ length: 64 }, () => Math.random() - 0.5));
    const [right, exchanged] = [rows, [...rows].reverse()].map((both) => {
      const sketch = new StageSketch(undefined);
      for (const [token, row] of both.entries()) sketch.add(token, row);
      return sketch.result();
    });
    const norm = distance(right?.projections ?? [], new Float64Array(PROJECTIONS));
    expect(distance(right?.projections ?? [], exchanged?.projections ?? [])).toBeGreaterThan(norm / 3);
    expect(right?.hash).not.toBe(exchanged?.hash);
  });

  test('NaN where no mask hides is counted', () => {
    const sketch = new StageSketch(undefined);
    sketch.add(0, Float32Array.of(1, Number.NaN, 3), Float32Array.of(1, 2, 3));
    expect(sketch.result()).toMatchObject({ values: 3, nonFinite: 1, mean: 2 });
  });
});

const projected = (value: number) => Array.from({ length: PROJECTIONS }, (_, j) => value * (j + 1));
const stage = (name: string, layer: number | null, rel: number, floor: number | null = 1e-7, step = 0) => ({
  ...{
    step,
    order: 1,
    layer,
    stage: name,
    rows: 2,
    width: 4,
    values: 8,
    mean: 0.1,
    rms: 1,
    absMax: 2,
    referenceRms: 1,
  },
  ...{ rel, floor, limit: 1e-5, hash: 'ab'.repeat(16), reference: projected(0.1) },
});
const baseline = (stages: Baseline['stages']): Baseline => ({
  name: 'm-hello',
  version: '0.1.0',
  model: { file: 'm.gguf', hash: 'abc', quantize: null, arch: 'llama', quantization: 'F16', layers: 2 },
  tokens: [1, 2],
  steps: 0,
  prompt: 'def',
  reference: { name: 'llama.cpp', version: 'v1', mode: 'exact' },
  candidate: { name: 'llama-probe', backend: 'WebGPU', adapter: 'some' },
  floors: { method: 'this against that', margin: 10, minimum: 1e-5 },
  stages,
});
const result = (name: string, layer: number | null, rel: number, floor: number | null = 1e-7, step = 0) =>
  ({ step, layer, stage: name, rel, floor, verdict: 'agree', local: null }) as StageResult;

const DUMP = `ARROW1\0\0${'llama_probe.format'.padEnd(80)}`;

describe('baselines', () => {
  const whole = baseline([stage('embd', null, 0, null), stage('kq', 1, 2e-7)]);

  test('come back as they were written, and are the same bytes each time', () => {
    const bytes = encodeBaseline(whole);
    expect(decodeBaseline(bytes, 'x')).toEqual(whole);
    expect(encodeBaseline(decodeBaseline(bytes, 'x'))).toEqual(bytes);
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100), 'baseline-damaged'],
    ['cut to nothing', () => Buffer.alloc(0), 'baseline-damaged'],
    [
      'a dump',
      () => Buffer.concat([Buffer.from(DUMP), Buffer.alloc(40), Buffer.from([20, 0, 0, 0]), Buffer.from('ARROW1')]),
      'baseline-foreign',
    ],
    ['text', () => Buffer.from('<<<<<<< HEAD\n'), 'baseline-foreign'],
    [
      'with one number changed',
      (bytes: Buffer) => {
        const at = bytes.indexOf(Buffer.from(new Float64Array([2e-7]).buffer));
        bytes.writeDoubleLE(2e-4, at);
        return bytes;
      },
      'baseline-damaged',
    ],
  ])('that are %s are refused with a remedy', (_, change, code) => {
    const bytes = change(Buffer.from(encodeBaseline(whole)));
    expect(() => decodeBaseline(bytes, 'x.arrow')).toThrow(expect.objectContaining({ code }));
    expect(() => decodeBaseline(bytes, 'x.arrow')).toThrow(/^x.arrow: .*probe gate --update/);
  });

  test('with any single bit changed are refused at once: Arrow would read some of them for ever', () => {
    const bytes = Buffer.from(encodeBaseline(whole));
    let seed = 1;
    const random = () => {
      seed = Math.imul(seed, 48_271) >>> 0;
      return seed;
    };
    // Every bit of the beginning, where the schema is, and some hundred of the rest.
    const bits = Array.from({ length: 8 * 256 + 500 }, (_, i) => (i < 8 * 256 ? i : random() % (8 * bytes.length)));
    for (const bit of bits) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeBaseline(changed, 'x.arrow'), `bit ${bit}`).toThrow(BaselineError);
    }
  });

  test('and dumps that are empty are said to be', async () => {
    expect(() => decodeBaseline(Buffer.alloc(0), 'x.arrow')).toThrow(/^x.arrow: is empty/);
    await expect(openDump(write('x.arrow', ''))).rejects.toThrow(/is empty; wanted an Arrow IPC file/);
  });

  test('of another format are not read as Arrow, and say so', () => {
    const bytes = Buffer.from(encodeBaseline(whole));
    const old = Buffer.from(
      bytes.toString('latin1').replaceAll('llama-probe-sha256:', 'another-checksum-..'),
      'latin1',
    );
    expect(() => decodeBaseline(old, 'x.arrow')).toThrow(/of another format than 2/);
  });

  test('with deltas that are not finite hold nobody to them', () => {
    const before = baseline([
      stage('kq', 0, Number.NaN),
      stage('kq', 1, Number.POSITIVE_INFINITY),
      stage('kqv', 0, 1e-7),
    ]);
    const now = [result('kq', 0, 1e-6), result('kq', 1, 1e-6), result('kqv', 0, 1e-6)];
    const { worse, better, most } = changesSince(before, now, { factor: 4 });
    expect(worse.map(({ stage }) => stage)).toEqual(['kqv']);
    expect(better).toEqual([]);
    expect(most?.stage).toBe('kqv');
  });

  test('of another case, model or tokens are of another run, and that is told before anything is estimated', () => {
    const { stages: _, ...now } = whole;
    expect(otherRun(whole, now)).toBeUndefined();
    expect(otherRun(whole, { ...now, name: 'other' })).toMatch(/the case is another one: other, and m-hello/);
    expect(otherRun(whole, { ...now, tokens: [1, 3] })).toMatch(/at position 1 3, and 2/);
    expect(otherRun(whole, { ...now, model: { ...now.model, hash: 'xyz' } })).toMatch(/the model is another one/);
  });

  test('hold a stage to its largest delta or floor of any step, and to f32 itself', () => {
    const before = baseline([stage('kq', 0, 1e-7), stage('kq', 0, 4e-7, 1e-7, 1), stage('embd', null, 0, 0)]);
    const worse = (stages: StageResult[]) =>
      changesSince(before, stages, { factor: 4 }).worse.map(({ stage }) => stage);
    expect(worse([result('kq', 0, 1.5e-6)])).toEqual([]);
    expect(worse([result('kq', 0, 1.7e-6)])).toEqual(['kq']);
    expect(worse([result('kq', 0, 1.7e-6, 5e-7)])).toEqual([]); // the machine's own reference is further from itself
    expect(worse([result('embd', null, 4e-7, 0)])).toEqual([]);
    expect(worse([result('embd', null, 5e-7, 0)])).toEqual(['embd']);
    expect(worse([result('kq', 0, Number.NaN)])).toEqual(['kq']);
  });

  test('say what got better', () => {
    const before = baseline([stage('kq', 0, 5e-6)]);
    expect(changesSince(before, [result('kq', 0, 1e-6)], { factor: 4 }).better).toHaveLength(1);
    expect(changesSince(before, [result('kq', 0, 2e-6)], { factor: 4 }).better).toHaveLength(0);
  });
});

describe('known faults', () => {
  const at = (name: string, layer: number | null, step = 0) => ({ step, layer, stage: name });
  const known = [{ index: 0, stages: ['q_*'], layers: [0], until: '2026-06-30', reason: 'issue 7' }];

  test('are allowed through their last day', () => {
    expect(allow([at('q_rope', 0)], known, '2026-06-30')).toMatchObject({ wrong: [], used: [0] });
    const late = allow([at('q_rope', 0)], known, '2026-07-01');
    expect(late.wrong).toHaveLength(1);
    expect(late.notes[0]).toMatchObject({ level: 'error' });
    expect(late.notes[0]?.text).toContain('2026-06-30');
  });

  test('are no others', () => {
    expect(allow([at('q_rope', 1), at('k_rope', 0)], known, '2026-01-01')).toMatchObject({ used: [], notes: [] });
    expect(allow([at('q_rope', 1), at('k_rope', 0)], known, '2026-01-01').wrong).toHaveLength(2);
  });

  test('what is downstream of a bad stage, in its step or through the cache, is not bad by itself', () => {
    const stages = [at('q_rope', 0), at('v_proj', 0), at('k_rope', 0), at('kq', 0), at('kq', 0, 1), at('v_proj', 0, 1)];
    const roots = (bad: (stage: { stage: string }) => boolean, own = (_: { stage: string; step: number }) => false) =>
      rootsOf(stages, bad, own).roots.map(({ stage, step }) => `${stage}@${step}`);
    expect(roots(() => true)).toEqual(['q_rope@0', 'v_proj@0', 'k_rope@0', 'v_proj@1']);
    expect(roots(({ stage }) => stage === 'kq')).toEqual(['kq@0', 'kq@1']);
    expect(roots(({ stage }) => stage === 'k_rope' || stage === 'kq')).toEqual(['k_rope@0']);
    expect(
      roots(
        ({ stage }) => stage === 'k_rope',
        ({ stage, step }) => stage === 'kq' && step === 1,
      ),
    ).toEqual(['k_rope@0', 'kq@1']);
  });
});

describe('a known fault without a second run', () => {
  const FAULT = { index: 0, stages: ['q_rope'], layers: [0], until: '2999-12-31', reason: 'issue 7' };
  const at = (name: string, layer: number | null, verdict: 'agree' | 'diverged' = 'diverged') =>
    ({ ...result(name, layer, verdict === 'agree' ? 0 : 1), verdict, limit: 1e-5, ofLimit: 1 }) as StageResult;
  const SICK = [
    at('embd', null, 'agree'),
    at('q_rope', 0),
    at('kq', 0),
    at('kq_soft_max', 0),
    at('kqv_out', 0, 'agree'),
  ];
  const broken = (stage: string, check: CheckName) => [
    { check, step: 0, order: 1, layer: 0, stage, token: 1, found: 2, wanted: 1, text: `${stage} is odd.` },
  ];
  const nothing = blankReport().checks.candidate;
  const judged = (changes: Partial<Report>, known: readonly KnownFault[] = [FAULT]) =>
    judgeCase(
      { known, limits: [] },
      {
        report: { ...blankReport(), verdict: 'diverged', stages: SICK, ...changes },
        held: { state: 'none' },
        sketches: new Map(),
        estimated: false,
        factor: 4,
        today: '2026-01-01',
      },
    );

  test('does not excuse what diverged downstream: nobody could tell whether it only inherits', () => {
    const { verdict, reason, used } = judged({});
    expect(verdict).toBe('incomparable');
    expect(reason).toMatch(
      /^2 further stages diverged downstream of the known fault of q_rope of layer 0, such as kq of layer 0/,
    );
    expect(used).toEqual([0]);
    expect(judged({ faults: [] }).verdict).toBe('agree'); // a second run told that they do
  });

  test('is enough where what is downstream is named too, until its day', () => {
    const rest = { ...FAULT, index: 1, stages: ['kq*'] };
    expect(judged({}, [FAULT, rest]).verdict).toBe('agree');
    expect(judged({}, [FAULT, { ...rest, until: '2020-01-01' }]).verdict).toBe('incomparable');
  });

  test('hides no stage that breaks what holds whatever its inputs are, and that the reference keeps', () => {
    const candidate = { ...nothing, broken: broken('kq_soft_max', 'softmax-sum') };
    const own = judged({ checks: { candidate, reference: nothing } });
    expect(own.verdict).toBe('diverged');
    expect(own.notes[0]).toMatchObject({ level: 'error', text: 'kq_soft_max is odd', at: { stage: 'kq_soft_max' } });
    expect(judged({ checks: { candidate, reference: candidate } }).verdict).toBe('incomparable');
    const inherited = { ...nothing, broken: broken('kq_soft_max', 'finite') };
    expect(judged({ checks: { candidate: inherited, reference: nothing } }).verdict).toBe('incomparable');
  });

  test('that is hidden by another one, or whose case could not be judged, is not called gone', () => {
    const hidden = { ...FAULT, index: 1, stages: ['kqv_out'] };
    expect(judged({}, [FAULT, hidden]).untold).toEqual([1]);
    expect(judged({ faults: [] }, [FAULT, hidden]).untold).toEqual([]);
    expect(judged({ verdict: 'incomparable', stages: [] }).untold).toEqual([0]);
    const use = { stages: ['kq'], until: '2026-01-01', reason: 'x', applied: 2, used: 0 };
    expect(goneNotes([{ ...use, untold: 0 }])).toHaveLength(1);
    expect(goneNotes([{ ...use, untold: 1 }])).toEqual([]);
  });
});

test('control characters and line breaks of a configuration do not reach the terminal, nor begin a line', () => {
  const reason = 'x\r\n::error ::y\u001b]0;title\u0007';
  const [report, note] = [blankReport(), { level: 'warning', text: reason } as const];
  const one = {
    name: 'm',
    verdict: 'incomparable',
    reason,
    notes: [note],
    report,
    baseline: null,
    update: null,
  } as const;
  const about = { schema: 1, kind: 'gate', version: '1', verdict: 'incomparable', shard: null, only: null } as const;
  const text = gateText({
    ...{ ...about, reason, total: 1, names: ['m'], known: [], notes: [note], timings: {} },
    config: { file: 'probe.config.ts', hash: 'a', factor: 4, inputs: 'b' },
    cases: [{ ...one, known: { applied: [], used: [], untold: [] } }],
  });
  expect(text).not.toMatch(/^\s*::/m);
  expect(text).not.toContain('\u0007');
  expect(text).toContain('::error ::y');
});

test('what shards must have read alike is the content of prompt files and baselines', async () => {
  const runs = [{ name: 'm', prompts: [{ name: 'p', file: 'p.txt' }] }];
  const config = write('probe.config.json', { runs, baselines: 'kept' });
  const at = (name: string) => join(config, '..', name);
  mkdirSync(at('kept'));
  const { cases } = casesOf(await loadConfig(config));
  const hashes = () => [inputsHash(cases, false), inputsHash(cases, true)];
  writeFileSync(at('p.txt'), 'Hello');
  const [first, written] = hashes();
  expect(hashes()).toEqual([first, written]);
  writeFileSync(at('kept/m-p.arrow'), 'baseline');
  const [second, same] = hashes();
  expect(second).not.toBe(first);
  expect(same).toBe(written); // --update writes it
  writeFileSync(at('p.txt'), 'Hello!');
  const [third, other] = hashes();
  expect(third).not.toBe(second);
  expect(other).not.toBe(written);
});

describe('merge', () => {
  const CONFIG = { file: 'probe.config.ts', hash: 'abc', factor: 4, inputs: 'def' };
  const shard = (index: number, names: readonly string[], changes: Partial<GateResult> = {}): string => {
    const report = { verdict: 'agree', reason: '', stages: [], odd: Number.NaN };
    const cases = names.map((name) => ({ name, verdict: 'agree', reason: '', notes: [], report }));
    const known = [{ stages: ['kq'], until: '2026-01-01', reason: 'x', applied: names.length, used: 0, untold: 0 }];
    const config = CONFIG;
    return write(
      'shard.json',
      encode({
        ...{
          schema: 1,
          kind: 'gate',
          version: '0.1.0',
          verdict: 'agree',
          reason: '',
          config,
          known,
          notes: [],
          only: null,
        },
        ...{
          names: ['a', 'b', 'c', 'd', 'e'],
          total: 5,
          shard: { index, count: 3 },
          cases,
          timings: { total: 10 },
          ...changes,
        },
      } as unknown as GateResult),
    );
  };
  const parts = () => [shard(1, ['a', 'd']), shard(2, ['b', 'e']), shard(3, ['c'])] as const;

  test('puts the cases in their order, whatever that of the files', () => {
    const [one, two, three] = parts();
    const merged = runMerge([three, one, two]);
    expect(merged.cases.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(merged).toMatchObject({ verdict: 'agree', shard: null, timings: { total: 30 } });
    expect(merged.notes[0]?.text).toContain('matches nothing any more');
    expect(merged.cases[0]?.report).toMatchObject({ odd: Number.NaN });
  });

  test('refuses what is not all of one gate', () => {
    const [one, two, three] = parts();
    expect(() => runMerge([one, three])).toThrow(/shard 2\/3 missing/);
    expect(() => runMerge([one, two, two, three])).toThrow(/are both shard 2\/3/);
    const config = { ...CONFIG, hash: 'other' };
    expect(() => runMerge([one, two, shard(3, ['c'], { config })])).toThrow(/another configuration/);
    expect(() => runMerge([one, two, shard(3, ['c'], { shard: { index: 3, count: 4 } })])).toThrow(/number of shards/);
    expect(() => runMerge([one, two, shard(3, ['c'], { version: '9' })])).toThrow(/another version/);
    expect(() => runMerge([write('x.json', '{"kind": "gate"')])).toThrow(/is not JSON/);
    expect(() => runMerge([write('x.json', { kind: 'other' })])).toThrow(/not the result of a gate/);
    const hollow = shard(1, [], { cases: [{}] as never });
    expect(() => runMerge([hollow])).toThrow(/not the result of a gate/);
    expect(() => runMerge([join(folder, 'none.json')])).toThrow(/ENOENT/);
  });

  test('refuses lost cases, words that are no verdict, and parts of different commits', () => {
    const [one, two, three] = parts();
    expect(() => runMerge([shard(1, ['a']), two, three])).toThrow(/has 1 cases of the 2 that were its own: it lacks d/);
    expect(() => runMerge([shard(1, ['d', 'a']), two, three])).toThrow(/another order/);
    expect(() => runMerge([shard(1, ['a', 'd'], { verdict: 'fine' as never }), two, three])).toThrow(
      /verdict: .*"agree"/,
    );
    expect(() => runMerge([one, two, shard(3, ['c'], { config: { ...CONFIG, inputs: 'x' } })])).toThrow(
      /another set of prompts or baselines/,
    );
    const names = ['a', 'b', 'c', 'd'];
    expect(() => runMerge([shard(1, ['a', 'd'], { names }), two, three])).toThrow(/another list of cases/);
  });

  test('numbers that JSON does not have survive', () => {
    const text = encode({ a: [Number.NaN, 1, Number.POSITIVE_INFINITY], b: 'NaN' });
    expect(decode(text)).toEqual({ a: [Number.NaN, 1, Number.POSITIVE_INFINITY], b: 'NaN' });
  });
});
