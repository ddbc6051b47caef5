import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGguf } from '@llama-probe/engine';
import { type GgufParts, randomFrom, splitGguf, splitNames, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { chooseMode, exactWay } from '../src/model.js';

const MEMORY = 10e9;
vi.mock('node:os', async (original) => ({ ...(await original<object>()), freemem: () => MEMORY }));

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-model-'));
afterAll(() => rmSync(directory, { recursive: true }));

const SIZES = { layers: 3, embd: 64, heads: 4, kvHeads: 2, headDim: 16, ff: 96, vocab: 72, context: 512 };
const PARTS = tinyLlama(SIZES, randomFrom(5));

function written(name: string, parts: GgufParts) {
  const path = join(directory, name);
  writeFileSync(path, writeGguf(parts).bytes);
  return openGguf(path);
}

/** The same file as if every block had so many more weights: nothing but its header is read here. */
async function large(weights: number, block = (_name: string) => true) {
  const file = await written('small.gguf', PARTS);
  const tensors = new Map(
    [...file.tensors].map(([name, tensor]) => {
      const isLarge = name.endsWith('ffn_up.weight') && block(name);
      const type = { ...tensor.type, name: 'Q8_0' } as typeof tensor.type;
      return [name, { ...tensor, type, shape: isLarge ? [64, weights / 64] : tensor.shape }];
    }),
  );
  return { ...file, tensors };
}

describe('the mode that is chosen', () => {
  test('is exact block by block where a block fits in memory and the whole does not', async () => {
    const chosen = await chooseMode('auto', await large(960e6)); // 3.8 GB as F32, three times, and half of that of the vocabulary
    expect(chosen).toMatchObject({ mode: 'exact', why: expect.stringContaining('block by block') });
  });

  test('is native where not even a block fits, or where all blocks are needed', async () => {
    const weights = 3_200_000_000;
    expect(await chooseMode('auto', await large(weights))).toMatchObject({
      mode: 'native',
      why: expect.stringMatching(/block by block.* need .* of memory are free/),
    });
    const differing = await large(weights, (name) => name.includes('.1.'));
    expect(await chooseMode('auto', differing)).toMatchObject({
      mode: 'native',
      why: expect.stringMatching(/block 1 has other tensors.* need/),
    });
  });

  test('is what was asked for, and so is the way', async () => {
    const file = await large(64);
    expect(await chooseMode('native', file)).toEqual({ mode: 'native', why: 'asked for' });
    expect(await chooseMode('exact', file)).toMatchObject({ mode: 'exact', why: 'asked for' });
    expect(await chooseMode('exact', file, 'block')).toMatchObject({
      mode: 'exact',
      why: expect.stringContaining('block by block'),
      exactBy: 'block',
    });
  });
});

test('of a file that was split all parts are looked at', async () => {
  const names = splitNames('split', 2);
  const parts = splitGguf(writeGguf(PARTS).bytes, { tensors: [Math.ceil(PARTS.tensors.length / 2)] });
  for (const [no, bytes] of parts.entries()) writeFileSync(join(directory, names[no] as string), bytes);
  const split = await openGguf(join(directory, names[1] as string));
  const whole = await written('whole.gguf', PARTS);
  const about = ({ by, bytes }: ReturnType<typeof exactWay>) => ({ by, bytes });
  expect(about(exactWay(split, 'block'))).toEqual(about(exactWay(whole, 'block')));
});

test('a file that does not say its architecture is not said to be of "undefined"', () => {
  const nameless = { path: 'nameless.gguf', metadata: {}, tensors: new Map() };
  expect(() => exactWay(nameless, 'block')).toThrow(
    'of an unknown architecture it is not known that all blocks are alike',
  );
});
