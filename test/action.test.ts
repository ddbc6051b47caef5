import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { firstBlocks } from './support/models.js';
import { CACHE, path } from './support/probe.js';
import { brokenShaders } from './support/shaders.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface Step {
  id?: string;
  name?: string;
  if?: string;
  uses?: string;
  with?: Record<string, string>;
  run?: string;
  shell?: string;
  env?: Record<string, string>;
  'working-directory'?: string;
}

interface Action {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: Step[] };
}

const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action;
const { steps } = action.runs;

/** What stands between `${{` and `}}`, and a step's condition, which needs none. */
const expressions = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/\$\{\{\s*(.*?)\s*\}\}/g)].map(([, expression]) => expression as string);

describe('action.yml', () => {
  test('every step of a composite action says its shell, and every action that it uses its version', () => {
    expect(action.runs.using).toBe('composite');
    for (const { run, uses, shell } of steps) {
      if (run === undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
      else expect(shell).toBe('bash');
    }
  });

  test('what it refers to exists: inputs, and outputs of steps before', () => {
    const known = new Set<string>();
    const check = (value: unknown) => {
      const conditions = JSON.stringify(value).match(/"if":"(.*?)"/g) ?? [];
      for (const expression of [...expressions(value), ...conditions]) {
        for (const [, name] of expression.matchAll(/inputs\.([\w-]+)/g))
          expect(Object.keys(action.inputs)).toContain(name);
        for (const [, id, name] of expression.matchAll(/steps\.(\w+)\.outputs\.(\w+)/g))
          expect(known).toContain(`${id}.${name}`);
      }
    };
    for (const step of steps) {
      check(step);
      for (const [, name] of (step.run ?? '').matchAll(/echo "(\w+)=/g)) known.add(`${step.id}.${name}`);
    }
    check(action.outputs);
    for (const name of Object.keys(action.inputs)) {
      expect(JSON.stringify(action.runs), `the input ${name} is used`).toContain(`inputs.${name}`);
    }
  });

  test('no input is pasted into a script: what a pull request says must not run', () => {
    for (const { run } of steps) expect(expressions(run ?? '')).toEqual([]);
  });

  test('scripts are bash', () => {
    for (const { run } of steps) {
      if (run === undefined) continue;
      const { status, stderr } = spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    }
  });
});

/** Runs the action's own scripts as GitHub does, without what installs something. */
function runAction(given: Record<string, string>, environment: Record<string, string> = {}) {
  const folder = path('runner');
  mkdirSync(folder);
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, { default: value }]) => [name, given[name] ?? value]),
  );
  const outputs: Record<string, Record<string, string>> = {};
  const context: Record<string, string> = { 'runner.os': 'Linux', 'runner.arch': 'X64' };
  const evaluate = (text: string): string =>
    text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
      const [, input] = /^inputs\.([\w-]+)$/.exec(expression) ?? [];
      const [, id, output] = /^steps\.(\w+)\.outputs\.(\w+)$/.exec(expression) ?? [];
      const value = input ? inputs[input] : id && output ? outputs[id]?.[output] : context[expression];
      if (value === undefined) throw new Error(`nothing is known of ${expression}`);
      return value;
    });
  const summary = join(folder, 'summary.md');
  let [log, code] = ['', 0];
  for (const [i, step] of steps.entries()) {
    if (step.run === undefined || /install/i.test(step.name ?? '')) continue;
    const script = join(folder, `step-${i}.sh`);
    const output = join(folder, `output-${i}`);
    writeFileSync(script, step.run);
    writeFileSync(output, '');
    const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, evaluate(value)]));
    // As GitHub starts it.
    const done = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: resolve(ROOT, evaluate(step['working-directory'] ?? '.')),
      encoding: 'utf8',
      env: {
        ...{ PATH: process.env.PATH, HOME: folder, LLAMA_PROBE_CACHE: CACHE, CI: 'true', GITHUB_ACTIONS: 'true' },
        ...{ GITHUB_ACTION_PATH: ROOT, RUNNER_TEMP: folder, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
        ...env,
        ...environment,
      },
    });
    log += done.stdout + done.stderr;
    code = done.status ?? -1;
    const lines = readFileSync(output, 'utf8').split('\n').filter(Boolean);
    if (step.id) outputs[step.id] = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    if (code !== 0) break;
  }
  const reports = outputs.prepare?.reports ?? '';
  return { log, code, outputs, reports, summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '' };
}

/** What the action makes of a gate does not take more than a block. */
const MODEL = firstBlocks(1);

/** A repository with a gate of one fast case, or of some. */
function repository(prompts = ['Hello']): string {
  const folder = path('repository');
  mkdirSync(folder);
  const runs = [{ name: 'm', model: MODEL, prompts, steps: 0, reference: 'exact' }];
  writeFileSync(join(folder, 'probe.config.json'), JSON.stringify({ runs, baselines: 'baselines' }));
  return folder;
}

describe('run as GitHub runs it', () => {
  test('writes its reports, the summary and the verdict; a wrong kernel fails it', () => {
    const folder = repository();
    const none = runAction({ 'working-directory': folder });
    expect(none).toMatchObject({ code: 2, outputs: { gate: { verdict: 'incomparable' } } });
    expect(none.log).toContain('::error');

    const updated = runAction({ 'working-directory': folder, arguments: '--update --only "m-*"' });
    expect(updated.code, updated.log).toBe(0);
    const healthy = runAction({ config: join(folder, 'probe.config.json') });
    expect(healthy.code, healthy.log).toBe(0);
    expect(healthy.outputs.gate?.verdict).toBe('agree');
    expect(readdirSync(healthy.reports).sort()).toEqual(['junit.xml', 'report.html', 'report.md', 'result.json']);
    expect(healthy.summary).toContain('m-hello');

    const swiglu = { file: 'swiglu.wgsl', before: 'exp(-g)) * up[i]', after: 'exp(-g)) * up[i] * 1.01' };
    const sick = runAction({ 'working-directory': folder }, { LLAMA_PROBE_SHADERS: brokenShaders([swiglu]) });
    expect(sick.code).toBe(1);
    expect(sick.outputs.gate?.verdict).toBe('diverged');
    expect(sick.log).toMatch(/::error .*ffn_swiglu/);
    expect(sick.summary).toContain('ffn_swiglu');
  });

  test.runIf(isLong)('merges the artifacts of shards', () => {
    const folder = repository(['Hello', 'Once']);
    runAction({ 'working-directory': folder, arguments: '--update' });
    const all = path('artifacts');
    for (const shard of ['1/2', '2/2']) {
      const { reports, outputs } = runAction({ 'working-directory': folder, shard, dataset: 'true' });
      expect(outputs.prepare?.artifact).toBe(`llama-probe-gate-${shard.replace('/', '-of-')}`);
      cpSync(reports, join(all, outputs.prepare?.artifact ?? ''), { recursive: true });
    }
    const merged = runAction({ merge: all, dataset: 'true' });
    expect(merged.code, merged.log).toBe(0);
    expect(merged.outputs.gate?.verdict).toBe('agree');
    for (const name of ['m-hello', 'm-once']) expect(merged.summary).toContain(name);

    const written = ['dataset', 'junit.xml', 'report.html', 'report.md', 'result.json'];
    expect(readdirSync(merged.reports).sort()).toEqual(written);
    const kept = readdirSync(join(merged.reports, 'dataset')).map((file) => file.split('.')[0]);
    expect(kept.sort()).toEqual(['m-hello', 'm-once']);

    const empty = path('no-configuration');
    mkdirSync(empty);
    expect(runAction({ 'working-directory': empty }).log).toContain('has no configuration');
    const lost = runAction({ merge: path('nowhere') });
    expect(lost).toMatchObject({ code: 2, outputs: { gate: { verdict: 'incomparable' } } });
  });

  test('what it cannot split into words, or what ends without a result, is no agreement', () => {
    const folder = repository();
    const quoted = runAction({ 'working-directory': folder, arguments: '--only "m-*' });
    expect(quoted).toMatchObject({ code: 2, outputs: { gate: { verdict: 'incomparable' } } });
    expect(quoted.log).toContain('::error::arguments cannot be split');

    const help = runAction({ 'working-directory': folder, arguments: '--help' });
    expect(help).toMatchObject({ code: 2, outputs: { gate: { verdict: 'incomparable' } } });
    expect(help.log).toContain('left no result');
    expect(quoted.reports).not.toBe(help.reports);
  });

  test('the keys of its caches follow the lock file, the configuration and the shard', () => {
    const folder = repository();
    const keys = (inputs: Record<string, string>) =>
      runAction({ ...inputs, merge: path('nowhere') }).outputs.prepare ?? {};
    const first = keys({ 'working-directory': folder });
    expect(first.key?.startsWith(first.made ?? '?')).toBe(true);
    expect(keys({ 'working-directory': folder }).key).toBe(first.key);
    expect(keys({ 'working-directory': folder, shard: '1/2' }).key).toBe(`${first.key}-1-of-2`);
    writeFileSync(join(folder, 'probe.config.json'), '{"runs": [{}]}');
    expect(keys({ 'working-directory': folder }).key).not.toBe(first.key);
  });
});

describe('workflows', () => {
  const folder = join(ROOT, '.github/workflows');
  test.each(readdirSync(folder))('%s gives the action only inputs that it has', (file) => {
    const { jobs } = parse(readFileSync(join(folder, file), 'utf8')) as { jobs: Record<string, { steps: Step[] }> };
    const own = Object.values(jobs).flatMap(({ steps }) => steps.filter(({ uses }) => uses === './'));
    for (const { with: inputs } of own) {
      for (const name of Object.keys(inputs ?? {})) expect(Object.keys(action.inputs)).toContain(name);
    }
    if (file === 'ci.yml') expect(own.length).toBeGreaterThan(0);
  });
});
