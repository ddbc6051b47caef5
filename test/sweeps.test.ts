import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pl from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { GateResult } from '../packages/probe/src/index.js';
import { BUNDLED } from './support/models.js';
import { commandsOf, readPage } from './support/page-commands.js';
import { CACHE, once, path, scratch, start } from './support/probe.js';
import { brokenShaders } from './support/shaders.js';

const PAGE = readPage('docs/sweeps.md');
const PROBE = fileURLToPath(new URL('../packages/probe/bin/probe.js', import.meta.url));
const ENGINE = fileURLToPath(new URL('../examples/javascript/tiny-engine.js', import.meta.url));

/** The blocks of a language, in the order of the page. */
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text = '']) => text);

/** What a reader has who has copied what the page shows; of its 22 cases eight, which take seconds. */
function reader() {
  const folder = path('sweep');
  mkdirSync(join(folder, 'models'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const name of ['a.gguf', 'b.gguf']) copyFileSync(BUNDLED, join(folder, 'models', name));
  const config = JSON.parse(blocks('json')[0] ?? '');
  config.runs[0].exclude.push('m-b-*', '*-long');
  write('probe.config.json', JSON.stringify(config));
  write('long.txt', 'Once upon a time');
  write('mine.mjs', `import ${JSON.stringify(pathToFileURL(ENGINE).href)};\n`);
  write('sweep.sh', blocks('bash')[0] ?? '');
  // What npx does, without a registry.
  write('bin/npx', `#!/bin/sh\nshift\nexec "${process.execPath}" "${PROBE}" "$@"\n`);
  chmodSync(join(folder, 'bin/npx'), 0o755);
  return folder;
}

/** A script of the page as a scheduler starts it. @param killedOnce by whom it is killed as soon as that file is there */
async function script(folder: string, text: string, env: Record<string, string>, killedOnce?: string) {
  const child = spawn('bash', ['-c', text], {
    cwd: folder,
    env: {
      ...process.env,
      LLAMA_PROBE_CACHE: CACHE,
      TMPDIR: scratch,
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a job is killed with all that it has started
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => said.push(text.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const watch = setInterval(() => {
    if (killedOnce === undefined || !statSync(join(folder, killedOnce), { throwIfNoEntry: false })?.size) return;
    clearInterval(watch);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }, 5);
  const code = await ended;
  clearInterval(watch);
  return { code, said: said.join('') };
}

const FIRST = 'results/7/1.json';

/** A night: two jobs of an array, the first of which is killed and requeued; and a week later the same with a kernel that is wrong. */
const swept = once(async () => {
  const folder = reader();
  const resultOf = (file: string): GateResult => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const task = (id: string) => ({ SLURM_ARRAY_JOB_ID: '7', SLURM_ARRAY_TASK_ID: id, SLURM_ARRAY_TASK_COUNT: '2' });
  const sweep = readFileSync(join(folder, 'sweep.sh'), 'utf8');
  const killed = await script(folder, sweep, task('1'), FIRST);
  const cut = resultOf(FIRST);
  const [, wrapped = ''] = /--wrap "npx (.*?)"/.exec(PAGE) ?? [];
  const early = await script(folder, `npx ${wrapped}`, { job: '7' });
  const tasks = [await script(folder, sweep, task('1')), await script(folder, sweep, task('2'))];
  const whole = resultOf(FIRST);
  const merged = await script(folder, `npx ${wrapped} --result merged.json`, { job: '7' });
  const night = readdirSync(join(folder, 'dataset'));

  const [command = ''] = commandsOf(PAGE).filter((one) => one.startsWith('probe gate'));
  const swiglu = { file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.01' };
  const wrong = { LLAMA_PROBE_SHADERS: brokenShaders([swiglu]) };
  const later = await script(folder, `npx ${command} --only 'm-a-*webgpu-hello'`, wrong);
  return { folder, killed, cut, early, tasks, whole, merged, result: resultOf('merged.json'), night, later };
});

describe('docs/sweeps.md', () => {
  test('the matrix has the cases that the page says', async () => {
    const folder = reader();
    writeFileSync(join(folder, 'probe.config.json'), blocks('json')[0] ?? '');
    const { ended } = start(['gate', '--only', 'none'], { cwd: folder });
    const { stderr } = await ended;
    const [, names = ''] = /the cases are (.*)\.$/m.exec(stderr) ?? [];
    expect(names.split(', ')).toHaveLength(Number(/, (\d+) of 36 are left/.exec(PAGE)?.[1]));
    expect(names.split(', ')).toContain(/such as|which: `(m-a-[\w-]+)`/.exec(PAGE)?.[1]);
  });

  test('an array of jobs, of which one is killed and goes on, is one verdict, one page and one data set', async () => {
    const { killed, cut, early, tasks, whole, merged, result, night, folder } = await swept();
    expect(killed.code).not.toBe(0);
    expect(cut.cases.length).toBeGreaterThan(0);
    expect(cut.cases.length).toBeLessThan(4);
    expect(cut).toMatchObject({ verdict: 'incomparable', reason: expect.stringContaining('probe gate --resume') });
    expect(early.code, early.said).toBe(2);
    expect(early.said).toContain('with --resume it goes on');

    for (const { code, said } of [...tasks, merged]) expect(code, said).toBe(0);
    // The same run of a case, not another one.
    const kept = cut.cases.map(({ name, time }) => ({ name, time }));
    expect(whole.cases.map(({ name, time }) => ({ name, time })).slice(0, kept.length)).toEqual(kept);
    expect(result).toMatchObject({ verdict: 'agree', shard: null });
    expect(result.cases.map(({ name }) => name)).toEqual(result.names);
    expect(existsSync(join(folder, 'sweep.html'))).toBe(true);
    expect(new Set(night.map((file) => file.split('.')[0]))).toEqual(new Set(result.names));
  });

  /** The data set, as if the first night had been eight days before. */
  const frame = once(async () => {
    const { folder, night, later } = await swept();
    expect(later.code, later.said).toBe(1);
    const files = readdirSync(join(folder, 'dataset'));
    const read = (name: string) => pl.readIPC(readFileSync(join(folder, 'dataset', name)));
    const now = pl.concat(files.filter((name) => !night.includes(name)).map(read));
    const ago = pl.concat(night.map(read));
    const time = pl
      .col('time')
      .cast(pl.Int64)
      .sub(pl.lit(8 * 86_400_000))
      .cast(pl.Int64)
      .cast(pl.Datetime('ms'));
    return pl.concat([ago.withColumns(time.alias('time')), now]).filter(pl.col('engine').eq(pl.lit('webgpu')));
  });
  type Row = Record<string, string | number>;
  const ask = async (sql: string) =>
    pl
      .SQLContext({ sweep: await frame() })
      .execute(sql, { eager: true })
      .toRecords() as Row[];
  /** The table below the query, as on the page. */
  const shown = (sql: string): Row[] => {
    const table = PAGE.slice(PAGE.indexOf(sql)).split(/\n\n/)[1] ?? '';
    const [head = [], , ...rows] = table.split('\n').map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] ?? ''])));
  };
  const [worst = '', costs = '', worse = ''] = blocks('sql');

  test('which layer is the worst over all prompts', async () => {
    const rows = await ask(worst);
    expect(rows.map(({ layer }) => layer).sort()).toEqual([0, 1, 2, 3]);
    for (const row of rows) expect(row).toMatchObject({ cases: 6, faults: 3 });
    expect(rows.map(({ mean_of_limit }) => mean_of_limit)).toEqual(
      rows.map(({ mean_of_limit }) => mean_of_limit).sort((a, b) => Number(b) - Number(a)),
    );
    expect(Object.keys(shown(worst)[0] ?? {})).toEqual(Object.keys(rows[0] ?? {}));
    expect(shown(worst).map(({ cases, faults }) => [cases, faults])).toEqual(rows.map(() => ['6', '3']));
  });

  test('which quantisation costs the most', async () => {
    const rows = await ask(costs);
    expect(rows.map(({ quantize }) => quantize)).toEqual(['Q2_K', 'Q8_0']);
    for (const row of rows) expect(row).toMatchObject({ model: 'a.gguf', cases: 2 });
    expect(Number(rows[0]?.mean_kl)).toBeGreaterThan(10 * Number(rows[1]?.mean_kl));
    expect(shown(costs).map(({ quantize }) => quantize)).toEqual(['Q2_K', 'Q8_0']);
    for (const [i, row] of shown(costs).entries()) {
      const [told, found] = [Number(row.mean_kl), Number(rows[i]?.mean_kl)];
      expect(Math.abs(Math.log(told / found))).toBeLessThan(Math.log(2));
    }
  });

  test('what got worse since last week', async () => {
    const rows = await ask(worse);
    const places = (list: readonly Row[]) => list.map(({ run, of_layer, stage }) => `${run} ${of_layer} ${stage}`);
    expect(rows[0]).toMatchObject({ of_layer: 0, stage: 'ffn_swiglu' });
    for (const row of rows) expect(Number(row.times)).toBeGreaterThan(4);
    expect(places(rows)).toEqual(places(shown(worse)));
    // Nothing is worse than it was on the same night.
    const { folder, night } = await swept();
    const same = pl.concat(night.map((name) => pl.readIPC(readFileSync(join(folder, 'dataset', name)))));
    expect(pl.SQLContext({ sweep: same }).execute(worse, { eager: true }).height).toBe(0);
  });

  test('the workflow gives the action only inputs that it has, and its shards are all of them', () => {
    const { jobs } = parse(blocks('yaml')[0] ?? '');
    const action = parse(readFileSync(new URL('../action.yml', import.meta.url), 'utf8'));
    const given = [jobs.sweep, jobs.verdict].flatMap(({ steps }) =>
      steps.flatMap((step: { uses: string; with: object }) =>
        step.uses.startsWith('OWNER/') ? Object.keys(step.with) : [],
      ),
    );
    expect(given).toEqual(['shard', 'dataset', 'merge', 'dataset']);
    for (const name of given) expect(Object.keys(action.inputs)).toContain(name);
    const { shard } = jobs.sweep.strategy.matrix;
    expect(shard).toEqual(shard.map((_: string, i: number) => `${i + 1}/${shard.length}`));
  });
});
