import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StageResult } from '@llama-probe/diff';
import { isLong } from '@llama-probe/testing';
import { XMLParser } from 'fast-xml-parser';
import polars from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { decode } from '../packages/comparison/src/report-json.js';
import type { GateConfig, GateResult } from '../packages/probe/src/index.js';
import { loadDump, writeDump } from './support/dumps.js';
import { firstBlocks } from './support/models.js';
import { once, path, probe as start, probeJson as startJson } from './support/probe.js';
import { probe, probeJson, type SessionOptions } from './support/session.js';
import { brokenShaders } from './support/shaders.js';

/** What the gate makes of a comparison does not take more than two blocks. */
const MODEL = firstBlocks(2);
const RUN = { name: 'm', model: MODEL, prompts: ['Hello'], steps: 1, reference: 'exact' as const };
const COMPARED = ['--model', MODEL, '--prompt', 'Hello', '--steps', '1', '--reference', 'exact'];
/** The same under another name: one command holds several runs to baselines of their own. */
const OTHER = { ...RUN, name: 'n' };
/** The same without llama.cpp. */
const ALONE = { ...RUN, name: 'alone', reference: 'baseline' as const };
const CASE = 'm-hello';

/** A folder with a configuration; runs the gate there. */
function gateOf(config: Omit<GateConfig, 'baselines'>) {
  const folder = path('gate');
  mkdirSync(join(folder, 'baselines'), { recursive: true });
  const file = join(folder, 'probe.config.json');
  const set = (changed: object) =>
    writeFileSync(file, JSON.stringify({ baselines: 'baselines', ...config, ...changed }));
  set({});
  const baseline = (name = CASE) => join(folder, 'baselines', `${name}.arrow`);
  return {
    folder,
    set,
    baseline,
    /** Puts baselines there. */
    keep: (files: Readonly<Record<string, string | Uint8Array>>) => {
      for (const [name, bytes] of Object.entries(files)) writeFileSync(baseline(name), bytes);
    },
    run: (args: readonly string[] = [], options?: SessionOptions) =>
      probeJson<GateResult>(['gate', '--config', file, ...args], options),
  };
}

const texts = (result: GateResult) =>
  [...result.notes, ...result.cases.flatMap(({ notes }) => notes)].map((n) => n.text);

/** The case of a run. */
function caseOf({ cases }: GateResult, run: string) {
  return cases.find(({ name }) => name === `${run}-hello`) ?? expect.fail(`no case of ${run}`);
}

/** A shader's product off by 3e-6: less than a third of any limit. */
const slightly = () =>
  brokenShaders([{ file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.000003' }]);
const wrong = () =>
  brokenShaders([{ file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.01' }]);

/** The baselines of a healthy engine, as --update has written them. */
const written = once(async () => {
  const gate = gateOf({ runs: [RUN, OTHER, ALONE] });
  const update = await gate.run(['--update']);
  const bytes = (run: string) => readFileSync(gate.baseline(`${run}-hello`));
  const kept = { [CASE]: bytes('m'), 'n-hello': bytes('n'), 'alone-hello': bytes('alone') };
  return { update, kept: kept as Readonly<Record<string, Buffer>>, healthy: bytes('m') };
});

/** A baseline that remembers a slightly wrong engine. */
const worsened = once(async () => {
  const gate = gateOf({ runs: [OTHER] });
  gate.keep((await written()).kept);
  const update = await gate.run(['--update'], { env: { LLAMA_PROBE_SHADERS: slightly() } });
  return { update, bytes: readFileSync(gate.baseline('n-hello')) };
});

const known = (until: string, stages = 'ffn_swiglu') => ({ stages, until, reason: 'issue 12' });

/** The healthy engine, held to its baseline, with llama.cpp and without, and to that of the slightly wrong one. */
const healthy = once(async () => {
  const gate = gateOf({ runs: [RUN, OTHER, ALONE], known: [{ ...known('2999-12-31'), runs: CASE }] });
  const { kept, healthy } = await written();
  gate.keep({ ...kept, 'n-hello': (await worsened()).bytes, old: healthy });
  return gate.run();
});

/** Baselines that cannot be used. */
const unusable = once(async () => {
  const again = [{ name: 'hello', text: 'Hello there' }];
  const gate = gateOf({
    runs: [
      ...['missing', 'cut', 'conflict', 'flipped'].map((name) => ({ ...RUN, name })),
      { ...OTHER, stages: 'ffn_*' },
      { ...RUN, prompts: again },
      { ...RUN, quantize: 'Q8_0' },
      { ...ALONE, name: 'alone-missing' },
      { ...ALONE, prompts: again },
    ],
  });
  const { kept, healthy } = await written();
  gate.keep({
    ...kept,
    'cut-hello': healthy.subarray(0, healthy.length - 500),
    'conflict-hello': '<<<<<<< HEAD\n',
    'flipped-hello': flipped(healthy),
    'm-Q8_0-hello': healthy,
  });
  return gate.run();
});

/** Of this bit Arrow's reader makes no end. */
function flipped(bytes: Uint8Array): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[95] = (damaged[95] as number) ^ 8;
  return damaged;
}

/** The slightly wrong engine, held to the baselines of the healthy one, with llama.cpp and without. */
const slightlyWrong = once(async () => {
  const gate = gateOf({ runs: [RUN, ALONE] });
  gate.keep((await written()).kept);
  return gate.run([], { env: { LLAMA_PROBE_SHADERS: slightly() } });
});

/** The slightly wrong engine once that is agreed to: in the baseline, or as a known fault. */
const agreedTo = once(async () => {
  const gate = gateOf({ runs: [RUN, OTHER], known: [{ ...known('2999-12-31'), runs: CASE }] });
  gate.keep({ ...(await written()).kept, 'n-hello': (await worsened()).bytes });
  return gate.run([], { env: { LLAMA_PROBE_SHADERS: slightly() } });
});

/** The wrong engine: with nothing known of it, with what was known until a day that is over, and without llama.cpp. */
const wrongOne = once(async () => {
  const gate = gateOf({ runs: [RUN, OTHER, ALONE], known: [{ ...known('2020-01-01'), runs: 'n-hello' }] });
  gate.keep((await written()).kept);
  return gate.run([], { env: { LLAMA_PROBE_SHADERS: wrong() } });
});

/** --update with the wrong engine: where the limits are the usual ones, and where they are loose. */
const wrongUpdate = once(async () => {
  const gate = gateOf({
    runs: [RUN, OTHER],
    limits: [
      { stages: 'ffn_swiglu', minimum: 0.1, runs: 'n-hello' },
      { stages: '{ffn_out,l_out,result_*}', minimum: 0.1, runs: 'n-hello' },
    ],
  });
  gate.keep({ [CASE]: (await written()).healthy });
  const update = await gate.run(['--update'], { env: { LLAMA_PROBE_SHADERS: wrong() } });
  return { ...update, kept: readFileSync(gate.baseline()) };
});

describe('a healthy engine', () => {
  // In CI it is a job of its own.
  test.runIf(isLong)("passes this repository's own gate, on whatever adapter there is", async () => {
    const config = fileURLToPath(new URL('../probe.config.ts', import.meta.url));
    const { code, json } = await probeJson<GateResult>(['gate', '--config', config]);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    for (const { baseline } of json.cases) expect(baseline).toMatchObject({ state: 'compared', worse: 0 });
    expect(texts(json)).toEqual([]);
  });

  test('passes on SwiftShader against what was measured on another adapter', async () => {
    const config = fileURLToPath(new URL('../probe.config.ts', import.meta.url));
    const args = ['gate', '--config', config, '--adapter', 'swiftshader', '--only', 'bundled-what*'];
    const { code, json } = await probeJson<GateResult>(args);
    expect(json.verdict, json.reason).toBe('agree');
    expect(code).toBe(0);
    const { candidate, generated, stages } = json.cases[0]?.report ?? expect.fail('no case');
    expect(candidate.adapter).toMatch(/SwiftShader/);
    expect(stages.map(({ verdict }: StageResult) => verdict)).toEqual(stages.map(() => 'agree'));
    expect(generated?.candidate.tokens).toEqual(generated?.reference.tokens);
  });

  test("this repository's baselines are small, and polars reads them", () => {
    const folder = fileURLToPath(new URL('../dumps/baselines/', import.meta.url));
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      expect(statSync(join(folder, file)).size).toBeLessThan(100_000);
      const rows = polars.readIPC(readFileSync(join(folder, file)));
      expect(rows.height).toBe(240);
      expect(rows.columns).toContain('reference_projections');
    }
  });
});

describe('a baseline', () => {
  test('that is missing is no pass, is written by --update, and then passes; again it stays as it is', async () => {
    const missing = await unusable();
    expect(missing.code).toBe(2);
    expect(caseOf(missing.json, 'missing')).toMatchObject({
      verdict: 'incomparable',
      reason: expect.stringContaining('probe gate --update'),
      report: { verdict: 'agree' }, // the reference has nothing against it
    });

    const { update, kept, healthy: bytes } = await written();
    expect(update.code).toBe(0);
    for (const one of update.json.cases) expect(one.update?.state).toBe('written');
    const held = await healthy();
    expect(held.code).toBe(0);
    expect(caseOf(held.json, 'm')).toMatchObject({ verdict: 'agree', baseline: { state: 'compared', changed: 0 } });

    const gate = gateOf({ runs: [RUN, OTHER] });
    gate.keep({ [CASE]: bytes, 'n-hello': flipped(kept['n-hello'] as Buffer) });
    const second = await gate.run(['--update']);
    expect(second.code).toBe(0);
    expect(caseOf(second.json, 'm').update?.state).toBe('unchanged');
    expect(readFileSync(gate.baseline()).equals(bytes)).toBe(true);
    // A damaged one is written anew.
    expect(readFileSync(gate.baseline('n-hello')).equals(kept['n-hello'] as Buffer)).toBe(true);
    expect(readdirSync(join(gate.folder, 'baselines')).sort()).toEqual([`${CASE}.arrow`, 'n-hello.arrow']);
  });

  test.each([
    ['cut', /was cut off/],
    ['conflict', /no Arrow IPC file/],
    ['flipped', /not what its checksum says/],
    ['n', /were not compared, such as embd/],
    ['m', /prompt's hash is another/],
    ['m-Q8_0', /quantisation is another one: Q8_0/],
    ['alone', /prompt's hash is another one/],
  ])(
    'that is damaged, foreign, or of another run is no pass either, and says what to do: %s, %j',
    async (run, what) => {
      const { code, json } = await unusable();
      expect(code).toBe(2);
      const { verdict, reason } = caseOf(json, run);
      expect(verdict).toBe('incomparable');
      expect(reason).toMatch(what);
      expect(reason).toContain('probe gate --update');
    },
  );

  test('that no case has is mentioned', async () => {
    const { code, json } = await healthy();
    expect(code).toBe(0);
    expect(json.notes.map(({ text }) => text)).toContainEqual(expect.stringContaining('old.arrow belongs to no case'));
    expect(json.notes).toHaveLength(2); // and the known fault that is none
    expect(caseOf(json, 'm').notes).toEqual([]);
  });
});

describe('a delta that worsens', () => {
  test('fails below its limit, at the stage where it begins; compare alone has nothing against it', async () => {
    const env = { LLAMA_PROBE_SHADERS: slightly() };
    const compared = await probeJson(['compare', ...COMPARED], { env });
    expect(compared).toMatchObject({ code: 0, json: { verdict: 'agree' } });

    const { code, json } = await slightlyWrong();
    expect(code).toBe(1);
    const one = caseOf(json, 'm');
    expect(one.verdict).toBe('diverged');
    expect(one.report.verdict).toBe('agree');
    expect(one.notes[0]).toMatchObject({ level: 'error', at: { stage: 'ffn_swiglu', layer: 0, step: 0 } });
    expect(one.reason).toMatch(/ffn_swiglu of layer 0 is [\d.]+ times as far from the reference as in the baseline/);
  });

  test('passes under a larger factor, and once --update has agreed to it; the way back is a notice', async () => {
    const gate = gateOf({ runs: [RUN], worsening: { factor: 1000 } });
    gate.keep({ [CASE]: (await written()).healthy });
    expect((await gate.run([], { env: { LLAMA_PROBE_SHADERS: slightly() } })).code).toBe(0);
    const { update } = await worsened();
    expect(update.code).toBe(0);
    expect(caseOf(update.json, 'n').notes[0]?.text).toMatch(/are further from the reference/);
    const again = await agreedTo();
    expect(again.code).toBe(0);
    expect(caseOf(again.json, 'n')).toMatchObject({ verdict: 'agree', baseline: { state: 'compared', worse: 0 } });
    const mended = await healthy();
    expect(mended.code).toBe(0);
    expect(caseOf(mended.json, 'n').notes[0]?.text).toMatch(
      /got more than 4 times better.*probe gate --update holds it there/,
    );
  });

  test('may be known', async () => {
    const { code, json } = await agreedTo();
    expect(caseOf(json, 'm').baseline?.worse).toBeGreaterThan(0);
    expect(json.reason).toBe('All 2 cases agree.');
    expect(code).toBe(0);
  });
});

describe('a fault', () => {
  test('fails, is not recorded, and is allowed with all that inherits it until its day', async () => {
    const plain = await wrongOne();
    expect(plain.code).toBe(1);
    expect(caseOf(plain.json, 'm')).toMatchObject({
      verdict: 'diverged',
      report: { first: { stage: 'ffn_swiglu', layer: 0 } },
    });

    const refused = await wrongUpdate();
    expect(refused.code).toBe(1);
    expect(caseOf(refused.json, 'm')).toMatchObject({ verdict: 'diverged', update: { state: 'refused' } });
    expect(refused.kept.equals((await written()).healthy)).toBe(true);

    const gate = gateOf({ runs: [RUN], known: [known('2999-12-31')] });
    gate.keep({ [CASE]: (await written()).healthy });
    const allowed = await gate.run([], { env: { LLAMA_PROBE_SHADERS: wrong() } });
    expect(allowed.code).toBe(0);
    expect(allowed.json.cases[0]).toMatchObject({ verdict: 'agree', report: { verdict: 'diverged' } });
    expect(texts(allowed.json)).toContainEqual(
      expect.stringMatching(/allowed until 2999-12-31: ffn_swiglu of layer 0/),
    );

    const late = caseOf(plain.json, 'n');
    expect(late.verdict).toBe('diverged');
    expect(late.notes.map(({ text }) => text)).toContainEqual(expect.stringMatching(/allowed until 2020-01-01 only/));
  });

  test('beside a known one fails', async () => {
    const gate = gateOf({ runs: [RUN], known: [known('2999-12-31', 'ffn_swiglu')] });
    gate.keep({ [CASE]: (await written()).healthy });
    const env = {
      LLAMA_PROBE_SHADERS: brokenShaders([
        { file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.01' },
        { file: 'rms_norm.wgsl', before: '+ epsilon)', after: '+ epsilon + 0.01)' },
      ]),
    };
    const { code, json } = await gate.run([], { env });
    expect(code).toBe(1);
    expect(json.cases[0]?.notes[0]).toMatchObject({ level: 'error', at: { stage: 'attn_rms', layer: 0 } });
  });

  test('that is nowhere any more should be taken out', async () => {
    const { code, json } = await healthy();
    expect(code).toBe(0);
    expect(json.notes.map(({ text }) => text)).toContainEqual(expect.stringContaining('matches nothing any more'));
  });
});

test('limits hold for the stages that they name, and the notes say where they decided', async () => {
  const limits = [{ stages: 'attn_*', layers: '1', margin: 0, minimum: 1e-12 }];
  const gate = gateOf({ runs: [RUN], limits });
  // Norms a few units of the last place too large: nothing to the usual limits, and over this one whatever the machine rounds to.
  const off = { file: 'rms_norm.wgsl', before: 'x[row + i] * scale', after: 'x[row + i] * scale * 1.0000004' };
  const { code, json } = await gate.run([], { env: { LLAMA_PROBE_SHADERS: brokenShaders([off]) } });
  expect(code).toBe(1);
  const [one] = json.cases;
  const limited = (one?.report.stages ?? []).filter(({ limit }: StageResult) => limit === 1e-12);
  expect(new Set(limited.map(({ stage, layer }: StageResult) => `${stage}/${layer}`))).toEqual(
    new Set(['attn_rms/1', 'attn_norm/1', 'attn_out/1']),
  );
  expect(one?.report.first).toMatchObject({ stage: 'attn_rms', layer: 1 });
  expect(texts(json)).toContainEqual(expect.stringMatching(/diverges only by limits\[0\] \(attn_\*\)/));

  const loose = caseOf((await wrongUpdate()).json, 'n');
  expect(loose.notes.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/ffn_swiglu of layer 0 agrees only by limits\[0\]/),
  );
});

describe('without llama.cpp', () => {
  test('the engine is held to what the baseline remembers of the reference', async () => {
    const missing = await unusable();
    expect(missing.code).toBe(2);
    expect(caseOf(missing.json, 'alone-missing').verdict).toBe('incomparable');
    expect((await written()).update.code).toBe(0);
    const alone = caseOf((await healthy()).json, 'alone');
    expect(alone.verdict, alone.reason).toBe('agree');
    expect(alone).toMatchObject({ baseline: { estimated: true, changed: 0, worse: 0 } });

    const { candidate, reference } = alone.report.generated ?? {};
    expect(candidate?.tokens).toEqual(reference?.tokens);
    expect(candidate?.tokens).toHaveLength(RUN.steps);

    const sick = await wrongOne();
    expect(sick.code).toBe(1);
    const { report, verdict } = caseOf(sick.json, 'alone');
    expect(verdict).toBe('diverged');
    expect(report.first).toMatchObject({ stage: 'ffn_swiglu', layer: 0 });
    const first = report.stages.find(({ stage }: StageResult) => stage === 'ffn_swiglu');
    expect(first?.rel).toBeGreaterThan(0.01 * 0.4);
    expect(first?.rel).toBeLessThan(0.01 * 1.6);

    const worse = await slightlyWrong();
    expect(worse.code).toBe(1);
    expect(caseOf(worse.json, 'alone')).toMatchObject({ verdict: 'diverged', baseline: { estimated: true } });
    expect(caseOf(worse.json, 'alone').notes[0]).toMatchObject({ at: { stage: 'ffn_swiglu', layer: 0 } });
  });

  /** Dumps of both sides, and baselines of the candidate's: made with the reference's dump, and with the model. */
  const dumps = once(async () => {
    const folder = path('dumps');
    await probe(['compare', ...COMPARED, '--out', folder]);
    const [mine, reference] = [join(folder, 'candidate.arrow'), join(folder, 'reference.arrow')];
    const runs = ['mine', 'also'].map((name) => ({ name, candidate: mine, reference }));
    const gate = gateOf({ runs: [...runs, { name: 'modelled', candidate: mine, model: MODEL }] });
    const update = await gate.run(['--update']);
    const kept = Object.fromEntries(
      ['mine', 'also', 'modelled'].map((name) => [name, readFileSync(gate.baseline(name))]),
    );
    return { mine, reference, update, kept };
  });

  /** Healthy dumps: beside llama.cpp's, and beside baselines of both kinds. */
  const held = once(async () => {
    const { mine, reference, kept } = await dumps();
    const alone = ['also', 'modelled'].map((name) => ({ name, candidate: mine }));
    const gate = gateOf({ runs: [{ name: 'mine', candidate: mine, reference }, ...alone] });
    gate.keep(kept);
    return gate.run();
  });

  test("another engine's dump is held to llama.cpp's, or to the baseline", async () => {
    const { mine, reference, update, kept } = await dumps();
    expect(update.code).toBe(0);
    const healthy = await held();
    expect(healthy).toMatchObject({
      code: 0,
      json: {
        cases: [{ baseline: { changed: 0, estimated: false } }, { baseline: { changed: 0, estimated: true } }, {}],
      },
    });

    const loaded = await loadDump(mine);
    // Deltas between runs of other tokens are numbers that mean nothing.
    const other = path('other.arrow');
    const capture = ['capture', '--from', 'webgpu', '--model', MODEL, '--prompt', 'Other', '--steps', '1'];
    await probe([...capture, '--out', other]);
    // Half of it is missing: what is not there is no agreement.
    const half = writeDump(loaded, (tensors) => tensors.filter(({ layer }) => layer !== 1));
    const gate = gateOf({
      runs: [
        { name: 'mine', candidate: other },
        { name: 'also', candidate: half },
        { name: 'missing', candidate: mine, reference },
      ],
    });
    gate.keep(kept);
    const untold = await gate.run();
    expect(untold).toMatchObject({ code: 2, json: { verdict: 'incomparable' } });
    const [foreign, ...rest] = untold.json.cases;
    expect(foreign).toMatchObject({ verdict: 'incomparable', baseline: null });
    expect(foreign?.reason).toMatch(/the tokens differ/);
    expect(rest.map(({ verdict }) => verdict)).toEqual(['incomparable', 'incomparable']);

    const broken = writeDump(loaded, (tensors) =>
      tensors.map((tensor) =>
        tensor.stage === 'k_rope' && tensor.layer === 1
          ? { ...tensor, values: tensor.values.map((value, i) => (i % 7 === 0 ? -value : value)) }
          : tensor,
      ),
    );
    gate.set({ runs: [{ name: 'mine', candidate: broken }] });
    const sick = await gate.run();
    expect(sick.code).toBe(1);
    expect(sick.json.cases[0]?.report.first).toMatchObject({ stage: 'k_rope', layer: 1, step: 0 });
  });

  test("the model makes a dump's baseline where no reference is given", async () => {
    const { mine, update, kept } = await dumps();
    const gate = gateOf({ runs: [{ name: 'modelled', candidate: mine }] });
    const without = await gate.run(['--update']);
    expect(without.code).toBe(2);
    expect(without.json.reason).toMatch(/give it a reference, or its model/);
    expect(update.code).toBe(0);
    expect((await held()).json.cases[2]).toMatchObject({ verdict: 'agree', baseline: { estimated: true } });
    gate.keep({ modelled: kept.modelled as Buffer });
    gate.set({ runs: [{ name: 'modelled', candidate: mine, model: MODEL, llama: 'exact' }] });
    expect((await gate.run()).json.cases[0]).toMatchObject({
      verdict: 'agree',
      baseline: { estimated: false, changed: 0 },
      report: { reference: { mode: 'exact' } },
    });
  });
});

test("a dump's known fault excuses nothing downstream that nobody could judge, and hides no broken softmax", async () => {
  const dumps = async (inject: string) => {
    const folder = path(inject);
    await probe(['compare', ...COMPARED, '--inject', inject, '--out', folder]);
    return { name: 'sick', candidate: join(folder, 'candidate.arrow'), reference: join(folder, 'reference.arrow') };
  };
  const rope = [{ stages: ['q_rope', 'k_rope'], layers: '0', until: '2999-12-31', reason: 'issue 12' }];
  const gate = gateOf({ runs: [await dumps('rope-halves@0')], known: rope });
  gate.set({ baselines: false });
  const alone = await gate.run();
  expect(alone).toMatchObject({ code: 2, json: { verdict: 'incomparable' } });
  expect(alone.json.reason).toMatch(/further stages diverged downstream of the known fault of q_rope of layer 0/);

  gate.set({ baselines: false, runs: [await dumps('rope-halves@0,softmax-not-divided@1')] });
  const both = await gate.run();
  expect(both.code).toBe(1);
  expect(both.json.cases[0]?.notes[0]).toMatchObject({ level: 'error', at: { stage: 'kq_soft_max', layer: 1 } });
});

test('no output takes the place of what the gate reads, and nothing runs before that is clear', async () => {
  const prompt = path('prompt.txt');
  writeFileSync(prompt, 'Hello');
  const gate = gateOf({ runs: [{ ...RUN, prompts: [{ name: 'hello', file: prompt }] }] });
  const config = join(gate.folder, 'probe.config.json');
  const [before, out] = [readFileSync(config, 'utf8'), path('out.csv')];
  const refused: [string[], RegExp][] = [
    [['--csv', config], /--csv: .* is a file that this command itself reads or keeps/],
    [['--result', config], /--result: .* is a file that this command itself reads or keeps/],
    [['--arrow', prompt], /--arrow: .* reads or keeps/],
    [['--html', gate.baseline()], /--html: .* cannot be written|--html: .* reads or keeps/],
    [['--markdown', MODEL], /--markdown: .* reads or keeps/],
    [['--result', out, '--csv', out], /--csv: .* reads or keeps/],
    [['--result', '-'], /--result: wanted the name of a file for probe merge/],
    [['--only', ''], /--only: wanted a glob/],
  ];
  for (const [args, message] of refused) {
    const { code, json } = await gate.run(args);
    expect(code).toBe(2);
    expect(json.reason).toMatch(message);
  }
  // The configuration that was found, not named.
  const found = await start(['gate', '--csv', 'probe.config.json'], { cwd: gate.folder });
  expect(found.code).toBe(2);
  expect(readFileSync(config, 'utf8')).toBe(before);
  expect(readFileSync(prompt, 'utf8')).toBe('Hello');
});

test('a configuration that ends the process, or never comes, is no agreement', async () => {
  const write = (name: string, content: string) => {
    const file = path(name);
    writeFileSync(file, content);
    return file;
  };
  const configs = [
    write('exits.mjs', 'process.exit(0);'),
    write('late.mjs', 'process.exit(1);'),
    write('never.mjs', 'await new Promise(() => {}); export default { runs: [{}] };'),
  ];
  for (const config of configs) {
    const { code, json } = await startJson<{ verdict: string; reason: string }>(['gate', '--config', config]);
    expect(code).toBe(2);
    expect(json.verdict).toBe('incomparable');
    expect(json.reason).toContain('before there was a verdict');
  }
});

test('two shards merged are the whole, in every output', async () => {
  const gate = gateOf({ runs: [{ ...RUN, prompts: ['Hello', 'Once', 'What is'] }] });
  const whole = await gate.run(['--update']);
  const files = [1, 2].map((i) => join(gate.folder, `shard-${i}.json`));
  const env = { LLAMA_PROBE_SHADERS: wrong() };
  const one = await gate.run(['--shard', '1/2', '--result', files[0] as string]);
  const two = await gate.run(['--shard', '2/2', '--result', files[1] as string], { env });
  expect([one.code, two.code]).toEqual([0, 1]);

  const [junit, markdown, kept] = [path('merged.xml'), path('merged.md'), path('merged.json')];
  const outputs = ['--junit', junit, '--markdown', markdown, '--result', kept];
  const merged = await probeJson<GateResult>(['merge', ...files.reverse(), ...outputs]);
  expect(await probe(['merge', kept])).toMatchObject({ code: 1 });
  expect(merged.code).toBe(1);
  expect(merged.json.cases.map(({ name }) => name)).toEqual(whole.json.cases.map(({ name }) => name));
  expect(merged.json.cases.map(({ verdict }) => verdict)).toEqual(['agree', 'diverged', 'agree']);
  expect(merged.json.cases[0]?.report.stages).toEqual(whole.json.cases[0]?.report.stages);
  expect(() => new XMLParser().parse(readFileSync(junit, 'utf8'), true)).not.toThrow();
  for (const name of ['m-hello', 'm-once', 'm-what-is']) {
    expect(readFileSync(junit, 'utf8')).toContain(name);
    expect(readFileSync(markdown, 'utf8')).toContain(name);
  }
  const lone = await probeJson<{ reason: string }>(['merge', files[0] as string]);
  expect(lone).toMatchObject({ code: 2 });
  expect(lone.json.reason).toContain('shard 1/2 missing');
});

test('a case that cannot run is told so, and the others run', async () => {
  const model = path('broken.gguf');
  writeFileSync(model, 'GGUF and nothing else');
  const prompts = ['Hello', { name: 'odd', tokens: [1, 999_999] }, { name: 'again', text: 'Hello' }];
  const gate = gateOf({
    runs: [
      { ...RUN, name: 'broken', model },
      { ...RUN, prompts },
    ],
  });
  const [config, result] = [join(gate.folder, 'probe.config.json'), path('result.json')];
  const text = await probe(['gate', '--config', config, '--update', '--result', result]);
  expect(text.code).toBe(2);
  expect(text.stdout).toContain('could not be told');
  expect(text.stderr).not.toMatch(/\n\s+at /);

  const { cases } = decode(readFileSync(result, 'utf8')) as GateResult;
  // One has no model; one fails on sides that are open already, between two that share them.
  expect(cases.map(({ verdict }) => verdict)).toEqual(['incomparable', 'agree', 'incomparable', 'agree']);
  const [broken, first, odd, last] = cases;
  expect(broken?.notes[0]?.text).toContain('broken.gguf');
  expect(odd?.reason).toContain('999999');
  expect(last?.report.stages).toEqual(first?.report.stages);
});

test('mistakes of usage end with 2 and a remedy', async () => {
  const gate = gateOf({ runs: [RUN] });
  const wrongs: [string[], RegExp][] = [
    [['--config', join(gate.folder, 'none.json')], /does not exist/],
    [['--shard', '3/2'], /Wanted i\/n/],
    [['--shard', '2/2'], /has no case: there are 1; use fewer shards/],
    [['--only', 'x*'], /matches no case; the cases are m-hello/],
    [['--result', join(gate.folder, 'no', 'folder.json')], /cannot be written/],
  ];
  for (const [args, message] of wrongs) {
    const { code, json } = await gate.run(args);
    expect(code).toBe(2);
    expect(json.reason).toMatch(message);
  }
  rmSync(gate.folder, { recursive: true });
});
