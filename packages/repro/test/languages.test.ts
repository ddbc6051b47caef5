import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { npyFile } from '@llama-probe/import';
import { afterAll, describe, expect, test } from 'vitest';
import { isInstalled } from '../../../test/support/toolchains.js';
import { evaluate } from '../src/check/evaluate.js';
import { WRITING } from '../src/check/languages.js';
import { LANGUAGES, type Language } from '../src/check/names.js';
import { template } from '../src/check/templates.js';
import { checkProgram } from '../src/check/write.js';
import { type Call, count, counts, type Recipe, real, type Value } from '../src/recipe/recipe.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-repro-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const of = (name: string): Value => ({ of: name });
const is = (value: boolean): Value => ({ is: value });
let made = 0;
const input = (variable: string, rows: number, columns: number) => {
  const seed = ++made;
  const values = Float64Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(seed * 31 + 1.7 * i)));
  return { name: variable, variable, what: '', rows, columns, values };
};
const call = (out: string, name: string, matrices: string[], values: Record<string, Value> = {}): Call => ({
  out,
  call: name,
  matrices,
  values,
});

const positions = counts([4, 5]);
/** Every function at least once, the one's rows into the next: two rows of two heads of four values, at the positions 4 and 5. */
const EVERYTHING: Recipe = {
  inputs: [
    input('table', 3, 8),
    input('weight', 1, 4),
    input('w', 8, 8),
    input('bias', 1, 8),
    { ...input('factors', 1, 2), values: Float64Array.of(1.5, 3) },
    input('k_cache', 6, 4),
    input('v_cache', 6, 4),
    input('sinks', 1, 2),
    input('shares', 2, 2),
    input('experts', 6, 4),
  ],
  calls: [
    call('a', 'get_rows', ['table'], { ids: counts([2, 0]) }),
    call('b', 'rms_norm', ['a'], { eps: real(1e-5), width: count(4) }),
    call('c', 'mul', ['b', 'weight']),
    call('d', 'mat_mul', ['c', 'w']),
    call('e', 'add_bias', ['d', 'bias']),
    call('f1', 'rope_frequencies', [], { dims: count(4), base: real(10000), factor: real(0.5) }),
    call('f2', 'slowed', ['f1', 'factors']),
    call('g', 'rope', ['e', 'f2'], { positions, head_dim: count(4), halves: is(false), magnitude: real(1) }),
    call('f3', 'yarn_frequencies', [], {
      dims: count(4),
      base: real(100),
      factor: real(0.25),
      original_context: real(64),
      beta_fast: real(32),
      beta_slow: real(1),
    }),
    call('h', 'rope', ['e', 'f3'], { positions, head_dim: count(4), halves: is(true), magnitude: real(1.1) }),
    call('i', 'add', ['g', 'h']),
    call('j', 'scores', ['i', 'k_cache'], {
      heads: counts([0, 1]),
      group: count(2),
      head_dim: count(4),
      positions,
      window: count(3),
    }),
    call('j2', 'scores', ['i', 'k_cache'], {
      heads: counts([0, 1]),
      group: count(2),
      head_dim: count(4),
      positions,
      window: count(0),
    }),
    call('k', 'soft_max', ['j'], { n_kv: count(6), factor: real(0.5), positions, window: count(3) }),
    call('l', 'soft_max_with_sinks', ['j2', 'sinks'], { n_kv: count(6), factor: real(1), positions, window: count(0) }),
    call('m', 'add', ['k', 'l']),
    call('n', 'attention_values', ['m', 'v_cache'], { heads: counts([0, 1]), group: count(2), head_dim: count(4) }),
    call('o', 'soft_cap', ['n'], { cap: real(0.7) }),
    call('p', 'scale', ['o'], { factor: real(-1.3) }),
    call('q', 'soft_max_of_rows', ['p']),
    call('r', 'weighted', ['p', 'shares']),
    ...['silu', 'gelu', 'gelu_erf', 'gelu_quick', 'relu'].map((name) =>
      call(`s_${name}`, 'glu', ['p', 'r'], { activation: of(name) }),
    ),
    call('t', 'add', ['s_silu', 's_gelu']),
    call('u', 'add', ['t', 's_gelu_erf']),
    call('v', 'add', ['u', 's_gelu_quick']),
    call('x', 'add', ['v', 's_relu']),
    call('y', 'add', ['x', 'q']),
    call('ea', 'glu_of_one', ['y'], { activation: of('silu') }),
    call('eb', 'sigmoid', ['ea']),
    call('ec', 'mat_mul_of_experts', ['y', 'experts'], {
      picked: counts([5, 0, 3, 4, 2, 2, 1, 0]),
      parts: counts([1, 0, 1, 0]),
    }),
    call('ed', 'add_picked', ['ec', 'bias'], { picked: counts([7, 0, 1, 2, 3, 6, 4, 4]) }),
    call('ee', 'clamp', ['ed'], { low: real(-1.5), high: real(2) }),
    call('ef', 'pick', ['eb'], { places: counts([3, 1, 0, 2, 2, 1, 0, 0]) }),
    call('eg', 'swiglu_oai', ['ee', 'ef'], { alpha: real(1.702), limit: real(0.6) }),
    call('eh', 'sum_of_row', ['ef']),
    call('ei', 'over_row', ['eg', 'eh']),
    call('ej', 'sum_of_parts', ['eb'], { parts: count(2) }),
    call('ek', 'pick', ['ej'], { places: counts([1, 0, 1, 0, 0, 1, 1, 0]) }),
    call('expected', 'add', ['ei', 'ek']),
  ],
};

const sectionsOf = (language: Language): string[] =>
  [...template(WRITING[language].functions).matchAll(/^(?:#|\/\/) ---- (\w+)$/gm)].map(([, name]) => name as string);

const TOOLS: Readonly<Record<Language, { readonly of: readonly [string, ...string[]]; build?: string[] }>> = {
  python: { of: ['python3', '-c', 'import numpy'] },
  rust: { of: ['rustc', '--version'], build: ['rustc', '--edition', '2021', 'check.rs', '-o', 'rust'] },
  cpp: {
    of: ['c++', '--version'],
    build: ['c++', '-std=c++17', '-Wall', '-Wextra', '-Werror', 'check.cpp', '-o', 'cpp'],
  },
  javascript: { of: ['node', '--version'] },
};
const COMMANDS: Readonly<Record<Language, readonly string[]>> = {
  python: ['python3', 'check.py'],
  rust: ['./rust'],
  cpp: ['./cpp'],
  javascript: ['node', 'check.mjs'],
};

test('every language has every function', () => {
  const all = sectionsOf('javascript').filter((name) => name !== 'each' && name !== 'sees');
  const called = EVERYTHING.calls.flatMap(({ call, values }) => [
    call,
    ...Object.values(values).flatMap((value) => ('of' in value ? [value.of] : [])),
  ]);
  expect([...new Set(called)].sort()).toEqual([...all].sort());
  for (const language of LANGUAGES) expect(sectionsOf(language)).toEqual(expect.arrayContaining(all));
});

describe.each(LANGUAGES)('the check in %s', (language) => {
  const {
    of: [tool, ...can],
    build,
  } = TOOLS[language];
  if (!isInstalled(tool, can)) {
    test.skip(`(skipped: ${tool} ${can.join(' ')} does not work here)`, () => {});
    return;
  }

  const run = ([command = '', ...args]: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  test('computes what the others compute, and ends with 1 on wrong rows and with 0 on right ones', async () => {
    const expected = await evaluate(EVERYTHING);
    const size = [expected.rows, expected.columns];
    expect(size).toEqual([2, 4]);
    const right = Float32Array.from(expected.values);
    expect(Math.min(...right.map(Math.abs)), right.join()).toBeGreaterThan(1e-3);
    const write = (name: string, values: Float32Array, shape: readonly number[]) =>
      writeFileSync(join(folder, `${name}.npy`), npyFile(values, shape));
    for (const { name, values, rows, columns } of EVERYTHING.inputs)
      write(name, Float32Array.from(values), [rows, columns]);
    write('right', right, size);
    write('wrong', right.with(3, (right[3] as number) * 1.01), size);
    writeFileSync(join(folder, WRITING[language].file), checkProgram(language, EVERYTHING, ['a test'], 1e-6));
    if (build) expect(run(build)).toMatchObject({ status: 0, stderr: '' });
    const wrong = run(COMMANDS[language]);
    expect(wrong, wrong.stderr).toMatchObject({ status: 1, stderr: '' });
    expect(wrong.stdout).toMatch(
      /^right\.npy {2}\d\.\d+e-0?[89] from float64\nwrong\.npy .*\nyours .*limit 1\.00e-0?6: WRONG\n$/,
    );
    write('wrong', right, size);
    expect(run(COMMANDS[language])).toMatchObject({ status: 0, stderr: '' });
    write('wrong', right.with(0, Number.NaN), size);
    expect(run(COMMANDS[language])).toMatchObject({ status: 1 });
  });
});
