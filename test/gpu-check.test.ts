import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPUTED, WEIGHT_TYPES } from '@llama-probe/engine';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { tinyModel } from '../scripts/gpu-check/models.js';
import { productsFor } from '../scripts/gpu-check/run/products.js';
import { rounds } from '../scripts/gpu-check/run/rounds.js';
import { suspects } from '../scripts/gpu-check/run/suspects.js';
import { exitCode, summary } from '../scripts/gpu-check/run/verdict.js';
import { path } from './support/probe.js';

const adapterOf = (family: 'cpu' | 'gpu') => ({
  class: family,
  kind: family === 'cpu' ? ('llvmpipe' as const) : family,
  limits: { maxComputeInvocationsPerWorkgroup: 256 },
});

describe('what is checked', () => {
  test.each(['cpu', 'gpu'] as const)('every weight type, at one token and more, by the %s kernels first', (family) => {
    const products = productsFor(adapterOf(family));
    for (const type of Object.keys(WEIGHT_TYPES)) {
      const own = products.filter((one) => one.family === family && one.test.type === type);
      expect(
        own.map(({ test }) => test.tokens),
        type,
      ).toEqual(expect.arrayContaining([1, 3, 5, 65]));
    }
    const first = products.slice(0, Object.keys(WEIGHT_TYPES).length);
    expect(new Set(first.map(({ test }) => test.type)).size).toBe(first.length);
  });

  test('every block that a GPU may have', () => {
    const names = (subgroupMinSize?: number) =>
      productsFor({ ...adapterOf('gpu'), ...(subgroupMinSize ? { subgroupMinSize } : {}) }).flatMap(
        ({ block, test }) => (block ? [`${block.by} ${block.rows} × ${block.tokens} ${test.tokens}`] : []),
      );
    expect(names()).toEqual(expect.arrayContaining(['workgroup 2 × 1 1', 'tile 64 × 16 7', 'tile 64 × 32 70']));
    const subgroups = names(32).filter((name) => name.startsWith('subgroup'));
    expect(subgroups.length).toBeGreaterThan(4);
    expect(names(32)).toEqual(expect.arrayContaining(names()));
  });

  test('every architecture of the engine has a tiny model', () => {
    for (const name of COMPUTED) {
      expect(tinyModel(name).metadata['general.architecture']).toEqual({ type: 'string', value: name });
    }
    expect(() => tinyModel('starfish')).toThrow(/starfish, of which there is no tiny model/);
  });

  test('something of each before more of one', () => {
    expect(rounds([[1, 2, 3], [10], [], [20, 21]])).toEqual([1, 10, 20, 2, 21, 3]);
  });
});

describe('which shader wrong products point to', () => {
  const files = (wrong: (reads: string, adds: string) => boolean) =>
    suspects(
      ['quant/a.wgsl', 'quant/b.wgsl'].flatMap((reads) =>
        ['one.wgsl', 'many.wgsl'].map((adds) => ({ reads, adds, problem: wrong(reads, adds) ? 'off' : undefined })),
      ),
    ).map((one) => one.split(':')[0]);

  test.each<[string, Parameters<typeof files>[0], string[]]>([
    ['none', () => false, []],
    ['the one that adds up', (_, adds) => adds === 'many.wgsl', ['many.wgsl']],
    ['the one that reads', (reads) => reads === 'quant/a.wgsl', ['quant/a.wgsl']],
    ['one of each', (reads, adds) => reads === 'quant/a.wgsl' || adds === 'one.wgsl', ['one.wgsl', 'quant/a.wgsl']],
    ['both that add up', () => true, ['one.wgsl', 'many.wgsl']],
  ])('%s', (_, wrong, named) => {
    expect(files(wrong)).toEqual(named);
  });

  test('where both have right ones too: the reader, with how many are wrong', () => {
    const outcome = (problem?: string) => ({ reads: 'quant/a.wgsl', adds: 'one.wgsl', problem });
    expect(suspects([outcome(), outcome('off')])).toEqual(['quant/a.wgsl: 1 of 2 cases wrong, the first off']);
  });

  test('where all that are wrong have one that adds up in common, and several that read: that one', () => {
    const outcome = (reads: string, adds: string, problem?: string) => ({ reads, adds, problem });
    const [a, b, c] = ['quant/a.wgsl', 'quant/b.wgsl', 'quant/c.wgsl'] as const;
    const right = [a, b, c].map((reads) => outcome(reads, 'many.wgsl'));
    const some = [outcome(a, 'one.wgsl', 'off'), outcome(b, 'one.wgsl', 'out'), outcome(c, 'one.wgsl')];
    expect(suspects([...right, ...some])).toEqual(['one.wgsl: 2 of 3 cases wrong, the first off']);
  });
});

test('the exit code, and the last line, say the worst that was found', () => {
  const found = (verdict: 'right' | 'wrong' | 'untold') => {
    return {
      name: verdict,
      seconds: 1,
      verdict,
      line: `it is ${verdict}`,
      wrong: verdict === 'wrong' ? ['rope.wgsl'] : [],
      numbers: {},
    };
  };
  const [right, wrong, untold] = [found('right'), found('wrong'), found('untold')];
  expect([[], [right], [right, untold], [untold, wrong]].map(exitCode)).toEqual([2, 0, 2, 1]);
  expect(summary([right], 'a GPU').at(-1)).toMatch(/^right: .* a GPU$/);
  expect(summary([untold, wrong], 'a GPU').join('\n')).toMatch(
    /WRONG +wrong .*\n +rope\.wgsl\n\nWRONG: wrong on a GPU$/,
  );
  expect(summary([right, untold], 'a GPU').at(-1)).toMatch(/^unknown: /);
});

describe.runIf(isLong && process.platform === 'linux')(
  'the pack, on a machine that has nothing but a driver in software',
  () => {
    const pack = path('gpu-check');
    const run = (folder: string) => {
      const env = { PATH: '/usr/bin:/bin', HOME: path('nobody') };
      const json = join(folder, 'found.json');
      const { status, stdout, stderr } = spawnSync(join(folder, 'gpu-check'), ['--json', json], {
        env,
        encoding: 'utf8',
      });
      return { status, stdout, stderr, json: JSON.parse(readFileSync(json, 'utf8')) };
    };

    test('is made, in at most 60 MB, and finds everything right', { timeout: 900_000 }, () => {
      const script = fileURLToPath(new URL('../scripts/dist/gpu-check/main.js', import.meta.url));
      expect(spawnSync(process.execPath, [script, '--out', pack], { encoding: 'utf8' }).status).toBe(0);
      const sizes = readdirSync(pack, { recursive: true, encoding: 'utf8' }).map(
        (name) => statSync(join(pack, name)).size,
      );
      expect(sizes.reduce((a, b) => a + b)).toBeLessThan(60e6);
      const { status, stdout, json } = run(pack);
      expect(stdout).toMatch(/\nright: the engine computes what it should/);
      expect([status, json.verdict, json.sections.length]).toEqual([0, 'right', 4]);
      expect(json.seconds).toBeLessThan(300);
    });

    test('names a kernel that is broken', { timeout: 900_000 }, () => {
      const broken = path('gpu-check-broken');
      cpSync(pack, broken, { recursive: true });
      const shader = join(broken, 'shaders/rope.wgsl');
      writeFileSync(shader, readFileSync(shader, 'utf8').replace('a * r.x - b * r.y', 'a * r.x + b * r.y'));
      const { status, stdout } = run(broken);
      expect(status).toBe(1);
      expect(stdout).toMatch(/rope\.wgsl: rope q: element/);
      expect(stdout).toMatch(/llama: wrong with the right inputs: q_rope, k_rope/);
    });
  },
);
