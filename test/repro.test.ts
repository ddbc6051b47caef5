import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantizeModel } from '@llama-probe/reference';
import { inShort, isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Repro } from '../packages/repro/src/index.js';
import { loadDump, writeDump } from './support/dumps.js';
import { firstBlocks } from './support/models.js';
import { CACHE, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { isInstalled, runTool } from './support/toolchains.js';

/** An engine that shares no code with this project. */
const MINE = fileURLToPath(new URL('engine/mini-llama.mjs', import.meta.url));
/** One block is all that these take, and each takes a pass of it and more. */
const MODEL = firstBlocks(1);
const TOKENS = '1,338,292,921,970';

/** What that engine writes. */
function run(bug: string | undefined, ...own: string[]): string {
  const out = path('mine.arrow');
  runTool('node', [MINE, '--model', MODEL, '--tokens', TOKENS, '--out', out, ...(bug ? ['--bug', bug] : []), ...own]);
  return out;
}

/** The checks that can be run here: how one is built, and run. */
const CHECKS = [
  { lang: 'python', can: ['python3', '-c', 'import numpy'], run: ['python3', 'check.py'] },
  { lang: 'javascript', can: ['node', '--version'], run: ['node', 'check.mjs'] },
  {
    lang: 'rust',
    can: ['rustc', '--version'],
    build: ['rustc', '--edition', '2021', 'check.rs', '-o', 'rust'],
    run: ['./rust'],
  },
  { lang: 'cpp', can: ['c++', '--version'], build: ['c++', '-std=c++17', 'check.cpp', '-o', 'cpp'], run: ['./cpp'] },
] as const;
const HERE = CHECKS.filter(({ can: [tool, ...of] }) => isInstalled(tool, of));

for (const { lang, can } of CHECKS.filter((check) => !HERE.includes(check)))
  test.skip(`the check in ${lang} (skipped: ${can.join(' ')} does not work here)`, () => {});

const statusIn = (folder: string, [command, ...args]: readonly [string, ...string[]]): number | null =>
  spawnSync(command, args, { cwd: folder, stdio: 'ignore' }).status;

/** Each check fails on what the engine computed, and passes once that is what is right. */
function expectCheck(folder: string, langs: readonly string[]): void {
  for (const check of HERE.filter(({ lang }) => langs.includes(lang))) {
    if ('build' in check) expect(statusIn(folder, check.build), check.lang).toBe(0);
    expect(statusIn(folder, check.run), check.lang).toBe(1);
  }
  copyFileSync(join(folder, 'right.npy'), join(folder, 'wrong.npy'));
  for (const check of HERE.filter(({ lang }) => langs.includes(lang)))
    expect(statusIn(folder, check.run), check.lang).toBe(0);
}

async function repro(file: string, ...args: string[]) {
  const folder = path('case');
  const ended = await probeJson<Repro>(['repro', file, '--model', MODEL, '--out', folder, ...args]);
  return { ...ended, folder, readme: existsSync(folder) ? readFileSync(join(folder, 'README.md'), 'utf8') : '' };
}

/** How many values each file of arrays has, by its name. */
async function shapesIn(folder: string): Promise<Record<string, string>> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.npy'));
  const shape = (name: string) =>
    /\(([\d, ]+)\)/.exec(readFileSync(join(folder, name)).toString('latin1', 10, 128))?.[1];
  return Object.fromEntries(names.map((name) => [name, shape(name) ?? '']));
}

describe('the first fault of a run is a test that needs nothing of ours', () => {
  // packages/repro/test/languages.test.ts has each language compute everything: here one is enough where a case is not the first.
  const simple = ['python', 'javascript'];
  const compiled = isLong ? ['rust', 'cpp'] : [];
  test.each(
    inShort(
      [
        [
          'a rotation',
          'rope-halves',
          [],
          'q_rope',
          '1 × 32 of 5 × 256',
          ['q_proj.npy'],
          [...simple, ...compiled].join(),
        ],
        ['a norm', 'rms-eps', [], 'attn_rms', '1 × 256 of 5 × 256', ['embd.npy'], 'javascript'],
        [
          'a product',
          'q-transposed',
          [],
          'q_proj',
          '1 × 4 of 5 × 256',
          ['attn_norm.npy', 'blk.0.attn_q.weight.npy'],
          'python',
        ],
        ['a softmax', 'no-mask', [], 'kq_soft_max', '1 × 5 of 5 × 40', ['kq.npy'], 'python'],
        ['a gated unit', 'gelu', [], 'ffn_swiglu', '1 × 4 of 5 × 768', ['ffn_gate.npy', 'ffn_up.npy'], 'javascript'],
        ['an embedding', 'embedding-scaled', [], 'embd', '1 × 4 of 5 × 256', ['token_embd.weight.npy'], 'python'],
        [
          'a decode step',
          'decode-position',
          ['--steps', '1'],
          'q_rope',
          '1 × 32 of 1 × 256',
          ['q_proj.npy'],
          'javascript',
        ],
      ] as const,
      3,
    ),
  )('%s (%s)', async (_, bug, own, stage, cut, inputs, languages) => {
    const { code, json, folder, readme, stderr } = await repro(run(bug, ...own), '--lang', languages);
    expect(json.verdict, json.reason + stderr).toBe('diverged');
    expect(code).toBe(1);
    const { case: written } = json;
    expect(written).toMatchObject({ stage, step: own.length > 0 ? 1 : 0, isWrong: true, folder });
    expect(`${written?.shape.join(' × ')} of ${written?.of.join(' × ')}`).toBe(cut);
    const { wrong, right, limit } = written?.distances ?? { wrong: 0, right: 1, limit: 0 };
    expect(wrong).toBeGreaterThan(limit);
    expect(right).toBeLessThan(limit);
    expect(Object.keys(await shapesIn(folder)).sort()).toEqual([...inputs, 'right.npy', 'wrong.npy'].sort());
    expect(readme).toContain('The cause is **confirmed**');
    expect(readme).toContain(written?.layer === null ? stage : `${stage} of layer ${written?.layer}`);
    expectCheck(folder, languages.split(','));
  });

  test('of another format, under the names of its files', async () => {
    const file = path('mine');
    runTool('node', [
      MINE,
      '--model',
      MODEL,
      '--tokens',
      TOKENS,
      '--bug',
      'heads-apart',
      '--format',
      'npz',
      '--out',
      file,
    ]);
    const { json, folder } = await repro(`${file}.npz`, '--tokens', TOKENS);
    expect(json.case).toMatchObject({ stage: 'kqv_out', shape: [1, 32], of: [5, 256], isWrong: true });
    expect(await shapesIn(folder)).toMatchObject({ 'kq_soft_max.npy': '1, 5', 'v_proj.cache.npy': '5, 128' });
    expectCheck(folder, ['python']);
  });

  test('the attention of a decode step, whose cache is all positions so far', async () => {
    const args = ['--stage', 'kqv_out', '--layer', '0', '--step', '1', '--lang', 'javascript'];
    const { json, folder } = await repro(run('heads-apart', '--steps', '1'), ...args);
    expect(json.case).toMatchObject({ stage: 'kqv_out', layer: 0, step: 1, isWrong: true, of: [1, 256] });
    expect(await shapesIn(folder)).toMatchObject({ 'kq_soft_max.npy': '1, 6', 'v_proj.cache.npy': '6, 128' });
    expectCheck(folder, ['javascript']);
  });
});

describe('of a quantised weight', () => {
  let model: string;
  let file: string;
  beforeAll(async () => {
    vi.stubEnv('LLAMA_PROBE_CACHE', CACHE);
    model = await quantizeModel({ model: MODEL, type: 'Q8_0' }).finally(() => vi.unstubAllEnvs());
    const healthy = path('healthy.arrow');
    await probe(['capture', '--from', 'llama', '--model', model, '--tokens', TOKENS, '--steps', '0', '--out', healthy]);
    const loaded = await loadDump(healthy);
    // llama.cpp's own run, in which one product is wrong.
    file = writeDump(
      { ...loaded, metadata: { ...loaded.metadata, producer: { name: 'mine', version: '' } } },
      (tensors) =>
        tensors.map((one) =>
          one.stage === 'ffn_up'
            ? { ...one, values: one.values.map((value, i) => (i % 768 === 99 ? -value : value)) }
            : one,
        ),
    );
  });

  test('there are its numbers, and its blocks as the file has them', async () => {
    const folder = path('case');
    const args = ['repro', file, '--model', model, '--out', folder, '--lang', 'python,javascript'];
    const { code, json, stderr } = await probeJson<Repro>(args);
    expect(code, json.reason + stderr).toBe(1);
    expect(json.case).toMatchObject({ stage: 'ffn_up', layer: 0, shape: [1, 4] });
    const shapes = await shapesIn(folder);
    expect(shapes).toMatchObject({
      'ffn_norm.npy': '1, 256',
      'blk.0.ffn_up.weight.npy': '4, 256',
      'blk.0.ffn_up.weight.blocks.npy': '4, 272', // eight blocks of 34 bytes
    });
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('| `blk.0.ffn_up.weight` | Q8_0 | 768 × 256 |');
    expectCheck(folder, ['python', 'javascript']);
  });
});

describe('where nothing is wrong', () => {
  let healthy: string;
  beforeAll(() => {
    healthy = run(undefined, '--steps', '1');
  });

  test('nothing is written', async () => {
    const folder = path('none');
    const { code, json } = await probeJson<Repro>(['repro', healthy, '--model', MODEL, '--out', folder]);
    expect(code).toBe(0);
    expect(json).toMatchObject({ verdict: 'agree', case: null });
    expect(existsSync(folder)).toBe(false);
  });

  test('a stage that is asked for is a test that passes; whole, if that is asked for, too', async () => {
    const args = ['--stage', 'kq', '--layer', '0', '--step', '1', '--lang', 'javascript'];
    const { code, json, folder, readme } = await repro(healthy, ...args, '--whole');
    expect(code).toBe(0);
    expect(json.case).toMatchObject({ stage: 'kq', layer: 0, step: 1, isWrong: false, shape: [1, 48], of: [1, 48] });
    expect(readme).toContain('is right');
    expect(statusIn(folder, ['node', 'check.mjs'])).toBe(0);
  });
});

describe('what cannot be made is said in a sentence, and nothing is written', () => {
  let faulty: string;
  beforeAll(() => {
    faulty = run('gelu');
  });
  const fails = async (...args: string[]) => {
    const folder = path('none');
    const { code, stderr, stdout } = await probe(['repro', ...args, '--out', folder]);
    expect(existsSync(folder)).toBe(false);
    expect(code).toBe(2);
    return stderr + stdout;
  };

  test('a stage that the run does not have', async () => {
    expect(await fails(faulty, '--model', MODEL, '--stage', 'ffn_swigul')).toContain('did you mean ffn_swiglu?');
  });

  test('inputs that the run does not have', async () => {
    const loaded = await loadDump(faulty);
    const few = writeDump(loaded, (tensors) => tensors.filter(({ stage }) => stage === 'embd' || stage === 'l_out'));
    const text = await fails(few, '--model', MODEL);
    expect(text).toContain('ffn_out of layer 0, ffn_inp of layer 0 are missing');
    expect(text).toContain('Capture ffn_out,ffn_inp there, too');
  });

  test('a language that is not one of them, a layer of no stage, no model', async () => {
    expect(await fails(faulty, '--model', MODEL, '--lang', 'fortran')).toContain('python, rust, cpp, javascript');
    expect(await fails(faulty, '--model', MODEL, '--layer', '1')).toContain('--stage');
    expect(await fails(faulty)).toContain('--model');
  });

  test('a folder with other things in it', async () => {
    const folder = path('full');
    mkdirSync(folder);
    writeFileSync(join(folder, 'mine.txt'), 'mine');
    const { code, stderr } = await probe(['repro', faulty, '--model', MODEL, '--out', folder]);
    expect(code).toBe(2);
    expect(stderr).toContain('name another folder');
    expect(readdirSync(folder)).toEqual(['mine.txt']);
  });
});
