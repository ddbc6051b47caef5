import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom, seeded } from '@llama-probe/testing';
import { blockCase, PRODUCT_TOLERANCE, runCase } from '@llama-probe/testing/kernels';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AdapterKind, openAdapter } from '../src/adapter/index.js';
import {
  type Adapter,
  type Asked,
  ask,
  candidatesOf,
  type Fastest,
  TOKEN_CLASSES,
  type TokenClass,
  type Work,
  worthTrying,
} from '../src/products/blocks.js';
import { choosing } from '../src/products/choose.js';
import { type Block, blockKernel } from '../src/products/kernel.js';
import { type Blocks, chooseBlocks, knownBlocks } from '../src/products/measure.js';
import { createMulMat } from '../src/products/mul-mat.js';
import { repeatLines } from '../src/products/repeat-lines.js';
import { fastest } from '../src/products/trial.js';
import { createData, prefersTextures, TEXELS } from '../src/weight-data.js';

const opened = await openAdapter({ adapter: 'auto' });
const { device, info } = opened;
// SwiftShader comes from npm for linux-x64 only.
const isWithSwiftShader = process.platform === 'linux' && process.arch === 'x64' && info.kind !== 'swiftshader';
const subgroups = isWithSwiftShader ? await openAdapter({ adapter: 'swiftshader' }) : undefined;
const folder = mkdtempSync(join(tmpdir(), 'llama-probe-blocks-'));
beforeAll(() => {
  vi.stubEnv('LLAMA_PROBE_CACHE', folder);
});
afterAll(() => {
  opened.close();
  subgroups?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a line is there for each row or token, and once where it names neither', () => {
  const text = ['// $r', 'let at$r = row + $ru;', 'x = 1;', '  sum.s$t += $t.0;'].join('\n');
  expect(repeatLines(text, { rows: 2, tokens: 3 }).split('\n').slice(2)).toEqual([
    '// $r',
    'let at0 = row + 0u;',
    'let at1 = row + 1u;',
    'x = 1;',
    '  sum.s0 += 0.0;',
    '  sum.s1 += 1.0;',
    '  sum.s2 += 2.0;',
  ]);
});

// Rows past a workgroup, tokens past a block, and a block of weights that is not whole. More tokens than 32 have the blocks of 9 to 32.
const TOKENS = { '1': 1, '2-4': 3, '5-8': 7, '9-32': 9 } as const;

describe.each(Object.keys(TOKENS) as Array<keyof typeof TOKENS>)('blocks for %s tokens', (of) => {
  test.skipIf(info.class === 'gpu')('have the same result to the bit, and the right one', async () => {
    const seed = seeded().seed;
    const shape = { type: 'Q4_1', rows: 141, columns: 288, tokens: TOKENS[of], sliceRows: 100 } as const;
    const results = [];
    const candidates = candidatesOf({ ...info, kind: 'llvmpipe' }, of);
    for (const isInTexture of new Set([prefersTextures(info), false])) {
      for (const block of [...candidates, { ...(candidates[0] as Block), rows: 2 }]) {
        const mulMat = createMulMat(device, info, () => blockKernel(block, TOKENS[of]));
        results.push(await runCase(device, mulMat, { ...shape, isInTexture }, randomFrom(seed)));
      }
    }
    opened.check();
    const [first] = results;
    expect(first?.relative, `SEED=${seed}`).toBeLessThan(3e-6);
    for (const result of results) expect(result, `SEED=${seed}`).toEqual(first);
  });
});

describe('blocks of a GPU', () => {
  // A GPU's with subgroups: none are smaller than SwiftShader's. It takes seconds to compile a barrier.
  const adapters = [opened, ...(subgroups ? [subgroups] : [])];
  const all = adapters.flatMap((adapter) =>
    TOKEN_CLASSES.flatMap((of) =>
      candidatesOf({ ...adapter.info, class: 'gpu' }, of)
        .filter(({ by }) => adapter === opened || by === 'subgroup')
        .map((block) => ({ adapter, name: adapter.info.name, block, shape: blockCase(of) })),
    ),
  );

  test('are of each kind', () => {
    const kinds = new Set(all.map(({ block }) => block.by));
    expect(kinds).toEqual(
      new Set(['workgroup', 'tile', ...(all.some(({ adapter }) => adapter.info.subgroupMinSize) ? ['subgroup'] : [])]),
    );
  });

  test.each(all)('are right on $name: $block, $shape.tokens tokens', async ({ adapter, block, shape }) => {
    const { seed } = seeded();
    const gpu = { ...adapter.info, class: 'gpu' } as const;
    const mulMat = createMulMat(adapter.device, gpu, () => blockKernel(block, shape.tokens));
    const { relative } = await runCase(adapter.device, mulMat, shape, randomFrom(seed));
    adapter.check();
    expect(relative, `SEED=${seed}`).toBeLessThan(PRODUCT_TOLERANCE);
  });
});

test('the less work there is, the fewer rows a block has, which compiles sooner', () => {
  const weight = { type: 'F16', rows: 1024, columns: 1024 } as const;
  const rowsFor = (kind: AdapterKind, tokens: number, work: number | undefined, type: Work['type'] = 'F16') => {
    const asked: Asked = new Map();
    if (work) ask(asked, [{ type, tokens, multiplications: work }]);
    const { name } = choosing({ ...info, class: 'cpu', kind }, new Map(), asked)(weight, tokens);
    return name.replace(/.* (?=\d+ ×)/, '');
  };
  const works = [2 ** 27, 2 ** 29, 2 ** 31, 2 ** 33, 2 ** 35, undefined];
  const all = (kind: AdapterKind) => [1, 3, 8, 64].map((tokens) => works.map((work) => rowsFor(kind, tokens, work)));
  expect(all('llvmpipe')).toEqual([
    ['2 × 1', '4 × 1', '4 × 1', '8 × 1', '8 × 1', '8 × 1'],
    ['2 × 3', '2 × 3', '4 × 3', '8 × 3', '8 × 3', '8 × 3'],
    ['2 × 8', '2 × 8', '2 × 8', '4 × 8', '8 × 8', '8 × 8'],
    ['2 × 8', '2 × 8', '2 × 8', '4 × 8', '8 × 8', '8 × 8'],
  ]);
  expect(all('swiftshader')).toEqual([
    ['2 × 1', '4 × 1', '4 × 1', '4 × 1', '4 × 1', '4 × 1'],
    ['2 × 3', '4 × 3', '8 × 3', '16 × 3', '16 × 3', '16 × 3'],
    ['2 × 8', '4 × 8', '8 × 8', '16 × 8', '16 × 8', '16 × 8'],
    ['2 × 8', '4 × 8', '8 × 8', '16 × 8', '16 × 8', '16 × 8'],
  ]);
  expect(rowsFor('llvmpipe', 1, 2 ** 27, 'F32')).toBe('8 × 1'); // what else there is to do does not count
});

test('work adds up', () => {
  const weight = { type: 'F16', rows: 1024, columns: 1024 } as const;
  const asked: Asked = new Map();
  const choose = choosing({ ...info, class: 'cpu', kind: 'llvmpipe' }, new Map(), asked);
  const names = [1, 2, 3].map(() => {
    ask(asked, [{ type: 'F16', tokens: 1, multiplications: 2 ** 28 }]);
    return choose(weight, 1).name.replace(/.* (?=\d+ ×)/, '');
  });
  expect(names).toEqual(['2 × 1', '4 × 1', '4 × 1']);
});

test.skipIf(info.class === 'gpu')('no texture has a height for which Mesa would compile a kernel again', () => {
  const lines = (count: number) => {
    const texture = createData(device, 'lines', 8 * count, (TEXELS * 16) / 8, true) as GPUTexture;
    texture.destroy();
    return texture.height;
  };
  expect([1, 2, 3, 4, 7, 8].map(lines)).toEqual([3, 3, 3, 5, 7, 9]);
});

describe('the fastest block', () => {
  const work = (multiplications: number) => [{ type: 'F32', tokens: 1, multiplications } as const];

  test('is not looked for where the work does not repay it, or where there is one', async () => {
    const blocks: Blocks = new Map();
    await chooseBlocks(opened, blocks, work(1e9));
    await chooseBlocks({ ...opened, info: { ...info, class: 'cpu', kind: 'lavapipe' } }, blocks, work(1e12));
    expect(blocks).toEqual(new Map());
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is looked for among those whose compiling the work repays', () => {
    const counts = (adapter: Partial<Adapter>, of: TokenClass) =>
      [2 ** 33, 2 ** 34, 2 ** 37].map((work) => worthTrying({ ...info, ...adapter }, of, work).length);
    const llvmpipe = { class: 'cpu', kind: 'llvmpipe' } as const;
    expect(counts(llvmpipe, '1')).toEqual([0, 2, 3]);
    expect(counts(llvmpipe, '9-32')).toEqual([0, 2, 3]);
    const gpu = { class: 'gpu', subgroupMinSize: 32 } as const;
    expect(counts(gpu, '1')).toEqual([0, 0, 4]);
    expect(counts({ ...gpu, limits: { ...info.limits, maxComputeInvocationsPerWorkgroup: 128 } }, '9-32')).toEqual([
      0, 0, 3,
    ]);
    expect(counts({ class: 'cpu', kind: 'swiftshader' }, 'more')).toEqual([0, 0, 0]);
  });

  test.skipIf(info.kind !== 'llvmpipe')('is one of the candidates, and known the next time', async () => {
    const said: string[] = [];
    const onProgress = (message: string) => said.push(message);
    const blocks: Blocks = new Map();
    await chooseBlocks(opened, blocks, work(1e12), { onProgress });
    const { of, ...block } = blocks.get('F32 1') as Fastest;
    expect(candidatesOf(info, '1')).toContainEqual(block);
    expect(of).toBe(3);
    expect(knownBlocks(info)).toEqual(blocks);
    expect(said).toEqual([`trying out kernels on ${info.name}`]);

    // What the file says is taken, and nothing is measured.
    const file = join(folder, readdirSync(folder)[0] as string, 'block.json');
    expect(existsSync(file)).toBe(true);
    const other = candidatesOf(info, '1').find(({ rows }) => rows !== block.rows);
    writeFileSync(file, JSON.stringify(other));
    const again: Blocks = new Map();
    await chooseBlocks(opened, again, work(1e12), { onProgress });
    expect(again.get('F32 1')).toEqual({ ...other, of: 3 });
    expect(said).toHaveLength(1);

    // What is no candidate was not chosen by this version.
    for (const text of ['', '{"rows":3,"tokens":1}', '[]', 'null']) {
      writeFileSync(file, text);
      expect(knownBlocks(info)).toEqual(new Map());
    }
  });

  test.skipIf(info.kind !== 'llvmpipe')('is looked for again for much more work', async () => {
    const blocks: Blocks = new Map();
    const of = async (multiplications: number, known = blocks) => {
      await chooseBlocks(opened, known, [{ type: 'F16', tokens: 4, multiplications }]);
      return known.get('F16 2-4')?.of;
    };
    expect(await of(2 ** 34)).toBe(2);
    expect(await of(2 ** 38)).toBe(3);
    expect(await of(2 ** 34)).toBe(3);
    expect(await of(2 ** 34, new Map())).toBe(3); // from the cache
  });

  test('is none that the driver refuses, and none with another result, fast as it may be', async () => {
    const usual: Block = { rows: 4, tokens: 1, by: 'workgroup' };
    const inSubgroup: Block = { rows: 4, tokens: 1, by: 'subgroup', threads: 64 };
    // Without the feature it does not compile; SwiftShader's subgroups are of four threads.
    for (const adapter of [opened, ...(subgroups ? [subgroups] : [])]) {
      if ((adapter.info.subgroupMinSize ?? 0) >= 64) continue;
      expect(await fastest(adapter, 'Q4_0', 1, [usual, inSubgroup], undefined)).toEqual(usual);
      adapter.check();
    }
  });
});
