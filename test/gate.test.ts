import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StageResult } from '@llama-probe/diff';
import { XMLParser } from 'fast-xml-parser';
import polars from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import type { GateConfig, GateResult } from '../packages/probe/src/index.js';
import { loadDump, writeDump } from './support/dumps.js';
import { BUNDLED } from './support/models.js';
import { type Options, path, probe, probeJson } from './support/probe.js';
import { brokenShaders } from './support/shaders.js';

const RUN = { name: 'm', prompts: ['Hello'], steps: 1, reference: 'exact' as const };
const CASE = 'm-hello';

/** A folder with a configuration; runs the gate there. */
function gateOf(config: Omit<GateConfig, 'baselines'>) {
  const folder = path('gate');
  mkdirSync(folder);
  const file = join(folder, 'probe.config.json');
  const set = (changed: object) =>
    writeFileSync(file, JSON.stringify({ baselines: 'baselines', ...config, ...changed }));
  set({});
  return {
    folder,
    set,
    baseline: (name = CASE) => join(folder, 'baselines', `${name}.arrow`),
    run: (args: readonly string[] = [], options?: Options) =>
      probeJson<GateResult>(['gate', '--config', file, ...args], options),
  };
}

const texts = (result: GateResult) =>
  [...result.notes, ...result.cases.flatMap(({ notes }) => notes)].map((n) => n.text);

/** A shader's product off by 3e-6: less than a third of any limit. */
const slightly = () =>
  brokenShaders([{ file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.000003' }]);
const wrong = () =>
  brokenShaders([{ file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.01' }]);

describe('a healthy engine', () => {
  test("passes this repository's own gate, on whatever adapter there is", async () => {
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
    expect(json.cases[0]?.report.candidate.adapter).toMatch(/SwiftShader/);
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
    const gate = gateOf({ runs: [RUN] });
    const missing = await gate.run();
    expect(missing.code).toBe(2);
    expect(missing.json.cases[0]?.report.verdict).toBe('agree'); // the reference has nothing against it
    expect(missing.json.reason).toContain('probe gate --update');

    const first = await gate.run(['--update']);
    expect(first).toMatchObject({ code: 0, json: { cases: [{ update: { state: 'written' } }] } });
    const held = await gate.run();
    expect(held).toMatchObject({ code: 0, json: { cases: [{ baseline: { state: 'compared', changed: 0 } }] } });

    const bytes = readFileSync(gate.baseline());
    const second = await gate.run(['--update']);
    expect(second.json.cases[0]?.update?.state).toBe('unchanged');
    expect(readFileSync(gate.baseline()).equals(bytes)).toBe(true);
    expect(readdirSync(join(gate.folder, 'baselines'))).toEqual([`${CASE}.arrow`]);
  });

  test('that is damaged, foreign, or of another run is no pass either, and says what to do', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    const bytes = readFileSync(gate.baseline());
    const refused = async (what: RegExp) => {
      const { code, json } = await gate.run();
      expect(code).toBe(2);
      expect(json.reason).toMatch(what);
      expect(json.reason).toContain('probe gate --update');
    };
    writeFileSync(gate.baseline(), bytes.subarray(0, bytes.length - 500));
    await refused(/was cut off/);
    writeFileSync(gate.baseline(), '<<<<<<< HEAD\n');
    await refused(/no Arrow IPC file/);
    const flipped = Buffer.from(bytes);
    flipped[95] = (flipped[95] as number) ^ 8; // of this one Arrow's reader makes no end
    writeFileSync(gate.baseline(), flipped);
    await refused(/not what its checksum says/);
    expect((await gate.run(['--update'])).code).toBe(0);
    expect(readFileSync(gate.baseline()).equals(bytes)).toBe(true);
    gate.set({ runs: [{ ...RUN, stages: 'ffn_*' }] });
    await refused(/were not compared, such as embd/);
    gate.set({ runs: [{ ...RUN, prompts: [{ name: 'hello', text: 'Hello there' }] }] });
    await refused(/prompt's hash is another/);
    gate.set({ runs: [{ ...RUN, quantize: 'Q8_0', name: 'm' }] });
    writeFileSync(gate.baseline('m-Q8_0-hello'), bytes);
    await refused(/quantisation is another one: Q8_0/);
  });

  test('that no case has is mentioned', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    writeFileSync(gate.baseline('old'), readFileSync(gate.baseline()));
    const { code, json } = await gate.run();
    expect(code).toBe(0);
    expect(texts(json)).toEqual([expect.stringContaining('old.arrow belongs to no case')]);
  });
});

describe('a delta that worsens', () => {
  test('fails below its limit, at the stage where it begins; compare alone has nothing against it', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    const env = { LLAMA_PROBE_SHADERS: slightly() };
    const compared = await probeJson(['compare', '--prompt', 'Hello', '--steps', '1', '--reference', 'exact'], { env });
    expect(compared).toMatchObject({ code: 0, json: { verdict: 'agree' } });

    const { code, json } = await gate.run([], { env });
    expect(code).toBe(1);
    const [one] = json.cases;
    expect(one?.report.verdict).toBe('agree');
    expect(one?.notes[0]).toMatchObject({ level: 'error', at: { stage: 'ffn_swiglu', layer: 0, step: 0 } });
    expect(one?.reason).toMatch(/ffn_swiglu of layer 0 is [\d.]+ times as far from the reference as in the baseline/);
  });

  test('passes under a larger factor, and once --update has agreed to it; the way back is a notice', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    const env = { LLAMA_PROBE_SHADERS: slightly() };
    gate.set({ worsening: { factor: 1000 } });
    expect((await gate.run([], { env })).code).toBe(0);
    gate.set({});
    const updated = await gate.run(['--update'], { env });
    expect(updated.code).toBe(0);
    expect(texts(updated.json)[0]).toMatch(/are further from the reference/);
    expect((await gate.run([], { env })).code).toBe(0);
    const mended = await gate.run();
    expect(mended.code).toBe(0);
    expect(texts(mended.json)[0]).toMatch(/got more than 4 times better.*probe gate --update holds it there/);
  });

  test('may be known', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    const env = { LLAMA_PROBE_SHADERS: slightly() };
    gate.set({ known: [{ stages: 'ffn_swiglu', until: '2999-12-31', reason: 'a fast exp' }] });
    const { code, json } = await gate.run([], { env });
    expect(json.reason).toBe('The case agrees.');
    expect(code).toBe(0);
  });
});

describe('a fault', () => {
  const known = (until: string, stages = 'ffn_swiglu') => [{ stages, until, reason: 'issue 12' }];

  test('fails, is not recorded, and is allowed with all that inherits it until its day', async () => {
    const gate = gateOf({ runs: [RUN] });
    await gate.run(['--update']);
    const before = readFileSync(gate.baseline());
    const env = { LLAMA_PROBE_SHADERS: wrong() };
    const plain = await gate.run([], { env });
    expect(plain.code).toBe(1);
    expect(plain.json.cases[0]?.report.first).toMatchObject({ stage: 'ffn_swiglu', layer: 0 });

    const refused = await gate.run(['--update'], { env });
    expect(refused).toMatchObject({ code: 1, json: { cases: [{ update: { state: 'refused' } }] } });
    expect(readFileSync(gate.baseline()).equals(before)).toBe(true);

    gate.set({ known: known('2999-12-31') });
    const allowed = await gate.run([], { env });
    expect(allowed.code).toBe(0);
    expect(allowed.json.cases[0]).toMatchObject({ verdict: 'agree', report: { verdict: 'diverged' } });
    expect(texts(allowed.json)).toContainEqual(
      expect.stringMatching(/allowed until 2999-12-31: ffn_swiglu of layer 0/),
    );

    gate.set({ known: known('2020-01-01') });
    const late = await gate.run([], { env });
    expect(late.code).toBe(1);
    expect(texts(late.json)).toContainEqual(expect.stringMatching(/allowed until 2020-01-01 only/));
  });

  test('beside a known one fails', async () => {
    const gate = gateOf({ runs: [RUN], known: known('2999-12-31', 'ffn_swiglu') });
    await gate.run(['--update']);
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
    const gate = gateOf({ runs: [RUN], known: known('2999-12-31') });
    await gate.run(['--update']);
    const { code, json } = await gate.run();
    expect(code).toBe(0);
    expect(texts(json)).toEqual([expect.stringContaining('matches nothing any more')]);
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

  gate.set({
    limits: [
      { stages: 'ffn_swiglu', minimum: 0.1 },
      { stages: '{ffn_out,l_out,result_*}', minimum: 0.1 },
    ],
  });
  const env = { LLAMA_PROBE_SHADERS: wrong() };
  const loose = await gate.run(['--update'], { env });
  expect(texts(loose.json)).toContainEqual(expect.stringMatching(/ffn_swiglu of layer 0 agrees only by limits\[0\]/));
});

describe('without llama.cpp', () => {
  test('the engine is held to what the baseline remembers of the reference', async () => {
    const gate = gateOf({ runs: [{ ...RUN, reference: 'baseline' }] });
    expect((await gate.run()).code).toBe(2);
    expect((await gate.run(['--update'])).code).toBe(0);
    const healthy = await gate.run();
    expect(healthy.json.verdict, healthy.json.reason).toBe('agree');
    expect(healthy.json.cases[0]).toMatchObject({ baseline: { estimated: true, changed: 0, worse: 0 } });

    const { candidate, reference } = healthy.json.cases[0]?.report.generated ?? {};
    expect(candidate?.tokens).toEqual(reference?.tokens);
    expect(candidate?.tokens).toHaveLength(RUN.steps);

    const sick = await gate.run([], { env: { LLAMA_PROBE_SHADERS: wrong() } });
    expect(sick.code).toBe(1);
    expect(sick.json.cases[0]?.report.first).toMatchObject({ stage: 'ffn_swiglu', layer: 0 });
    const first = sick.json.cases[0]?.report.stages.find(({ stage }: StageResult) => stage === 'ffn_swiglu');
    expect(first?.rel).toBeGreaterThan(0.01 * 0.4);
    expect(first?.rel).toBeLessThan(0.01 * 1.6);

    const worse = await gate.run([], { env: { LLAMA_PROBE_SHADERS: slightly() } });
    expect(worse.code).toBe(1);
    expect(worse.json.cases[0]?.notes[0]).toMatchObject({ at: { stage: 'ffn_swiglu', layer: 0 } });

    gate.set({ runs: [{ ...RUN, reference: 'baseline', prompts: [{ name: 'hello', text: 'Other' }] }] });
    expect((await gate.run()).json.reason).toMatch(/the prompt's hash is another one/);
  });

  test("another engine's dump is held to llama.cpp's, or to the baseline", async () => {
    const [mine, reference] = [path('mine.arrow'), path('reference.arrow')];
    const args = ['--prompt', 'Hello', '--steps', '1'];
    await probe(['capture', '--from', 'webgpu', ...args, '--out', mine]);
    await probe(['capture', '--from', 'llama', '--reference', 'exact', ...args, '--out', reference]);
    const gate = gateOf({ runs: [{ name: 'mine', candidate: mine, reference }] });
    expect((await gate.run()).code).toBe(2);
    expect((await gate.run(['--update'])).code).toBe(0);
    expect(await gate.run()).toMatchObject({
      code: 0,
      json: { cases: [{ baseline: { changed: 0, estimated: false } }] },
    });

    gate.set({ runs: [{ name: 'mine', candidate: mine }] });
    expect(await gate.run()).toMatchObject({
      code: 0,
      json: { cases: [{ baseline: { changed: 0, estimated: true } }] },
    });

    // Deltas between runs of other tokens are numbers that mean nothing.
    const other = path('other.arrow');
    await probe(['capture', '--from', 'webgpu', '--prompt', 'Other', '--steps', '1', '--out', other]);
    gate.set({ runs: [{ name: 'mine', candidate: other }] });
    const foreign = await gate.run();
    expect(foreign).toMatchObject({ code: 2, json: { cases: [{ verdict: 'incomparable', baseline: null }] } });
    expect(foreign.json.reason).toMatch(/the tokens differ/);

    const loaded = await loadDump(mine);
    const broken = writeDump(loaded, (tensors) =>
      tensors.map((tensor) =>
        tensor.stage === 'k_rope' && tensor.layer === 2
          ? { ...tensor, values: tensor.values.map((value, i) => (i % 7 === 0 ? -value : value)) }
          : tensor,
      ),
    );
    gate.set({ runs: [{ name: 'mine', candidate: broken }] });
    const sick = await gate.run();
    expect(sick.code).toBe(1);
    expect(sick.json.cases[0]?.report.first).toMatchObject({ stage: 'k_rope', layer: 2, step: 0 });

    // Half of it is missing: what is not there is no agreement.
    const half = writeDump(loaded, (tensors) => tensors.filter(({ layer }) => layer !== 3));
    gate.set({ runs: [{ name: 'mine', candidate: half }] });
    expect(await gate.run()).toMatchObject({ code: 2, json: { verdict: 'incomparable' } });
  });

  test("the model makes a dump's baseline where no reference is given", async () => {
    const mine = path('mine.arrow');
    await probe(['capture', '--from', 'webgpu', '--prompt', 'Hello', '--steps', '1', '--out', mine]);
    const gate = gateOf({ runs: [{ name: 'mine', candidate: mine }] });
    const without = await gate.run(['--update']);
    expect(without.code).toBe(2);
    expect(without.json.reason).toMatch(/give it a reference, or its model/);
    gate.set({ runs: [{ name: 'mine', candidate: mine, model: BUNDLED }] });
    expect((await gate.run(['--update'])).code).toBe(0);
    gate.set({});
    expect((await gate.run()).json.cases[0]).toMatchObject({ verdict: 'agree', baseline: { estimated: true } });
    gate.set({ runs: [{ name: 'mine', candidate: mine, model: BUNDLED, llama: 'exact' }] });
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
    const args = ['--prompt', 'Hello', '--steps', '1', '--reference', 'exact', '--inject', inject, '--out', folder];
    await probe(['compare', ...args]);
    return { name: 'sick', candidate: join(folder, 'candidate.arrow'), reference: join(folder, 'reference.arrow') };
  };
  const known = [{ stages: ['q_rope', 'k_rope'], layers: '0', until: '2999-12-31', reason: 'issue 12' }];
  const gate = gateOf({ runs: [await dumps('rope-halves@0')], known });
  gate.set({ baselines: false });
  const alone = await gate.run();
  expect(alone).toMatchObject({ code: 2, json: { verdict: 'incomparable' } });
  expect(alone.json.reason).toMatch(/further stages diverged downstream of the known fault of q_rope of layer 0/);

  gate.set({ baselines: false, runs: [await dumps('rope-halves@0,softmax-not-divided@2')] });
  const both = await gate.run();
  expect(both.code).toBe(1);
  expect(both.json.cases[0]?.notes[0]).toMatchObject({ level: 'error', at: { stage: 'kq_soft_max', layer: 2 } });
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
    [['--markdown', BUNDLED], /--markdown: .* reads or keeps/],
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
  const found = await probe(['gate', '--csv', 'probe.config.json'], { cwd: gate.folder });
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
    const { code, json } = await probeJson<{ verdict: string; reason: string }>(['gate', '--config', config]);
    expect(code).toBe(2);
    expect(json.verdict).toBe('incomparable');
    expect(json.reason).toContain('before there was a verdict');
  }
});

test('two shards merged are the whole, in every output', async () => {
  const gate = gateOf({ runs: [{ ...RUN, prompts: ['Hello', 'Once', 'What is'] }] });
  await gate.run(['--update']);
  const whole = await gate.run();
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
  const gate = gateOf({ runs: [{ ...RUN, name: 'broken', model }, RUN] });
  const { code, json } = await gate.run(['--update']);
  expect(code).toBe(2);
  expect(json.cases.map(({ verdict }) => verdict)).toEqual(['incomparable', 'agree']);
  expect(json.cases[0]?.notes[0]?.text).toContain('broken.gguf');

  // One that fails on sides that are open already, between two that share them.
  gate.set({
    runs: [{ ...RUN, prompts: ['Hello', { name: 'odd', tokens: [1, 999_999] }, { name: 'again', text: 'Hello' }] }],
  });
  const shared = await gate.run(['--update']);
  expect(shared.json.cases.map(({ verdict }) => verdict)).toEqual(['agree', 'incomparable', 'agree']);
  const [first, odd, last] = shared.json.cases;
  expect(odd?.reason).toContain('999999');
  expect(last?.report.stages).toEqual(first?.report.stages);
  gate.set({ runs: [{ ...RUN, name: 'broken', model }, RUN] });

  const text = await probe(['gate', '--config', join(gate.folder, 'probe.config.json')]);
  expect(text.code).toBe(2);
  expect(text.stdout).toContain('could not be told');
  expect(text.stderr).not.toMatch(/\n\s+at /);
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
