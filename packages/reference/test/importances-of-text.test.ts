import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeKey, type Tensor } from '@llama-probe/dump';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import './support/kept.js';
import { importancesOfText } from '../src/importances-of-text.js';
import { quantizeModel } from '../src/model/quantize.js';
import { openReference } from '../src/reference.js';
import { writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-importances-'));
const text = join(directory, 'words.txt');
const TEXT = 'hello world hello world world hello hello';

beforeAll(() => {
  vi.stubEnv('LLAMA_PROBE_CACHE', join(directory, 'cache'));
  writeFileSync(text, TEXT);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

/** The older format of llama-imatrix, as another program would read it. */
function read(path: string): Map<string, Float32Array> {
  const bytes = readFileSync(path);
  let at = 0;
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const int = () => take(4).readInt32LE();
  const found = new Map<string, Float32Array>();
  for (let left = int(); left > 0; left--) {
    const name = take(int()).toString('utf8');
    expect(int()).toBe(1);
    const values = Float32Array.from({ length: int() }, () => take(4).readFloatLE());
    found.set(name, values);
  }
  expect(at).toBe(bytes.length);
  return found;
}

/** The rows of a run of the text, by their places. */
async function rowsOf(model: string): Promise<Map<string, Tensor>> {
  const reference = await openReference({ model, mode: 'native' });
  const tokens = await reference.tokenize(TEXT);
  const found = new Map<string, Tensor>();
  for await (const tensor of reference.run({ tokens, stages: 'all' }).tensors)
    found.set(placeKey(tensor), { ...tensor, values: tensor.values.slice() });
  await reference.close();
  return found;
}

const meanSquares = ({ values }: Pick<Tensor, 'values'>, columns: number): Float32Array =>
  Float32Array.from({ length: columns }, (_, i) => {
    const column = values.filter((__, at) => at % columns === i);
    return column.reduce((sum, value) => sum + value * value, 0) / column.length;
  });

describe('an importance matrix of a text', () => {
  test('has of each matrix the mean squares of what it is multiplied with', async () => {
    const model = writeTinyModel(join(directory, 'tiny.gguf'), { embd: 256, heads: 8, kvHeads: 4, ff: 512 });
    const path = await importancesOfText({ model, text });
    const found = read(path);
    const rows = await rowsOf(model);
    const INPUTS = {
      attn_q: 'attn_norm',
      attn_v: 'attn_norm',
      attn_output: 'kqv_out',
      ffn_up: 'ffn_norm',
      ffn_down: 'ffn_swiglu',
    };
    for (const layer of [0, 1]) {
      for (const [matrix, stage] of Object.entries(INPUTS)) {
        const input = rows.get(placeKey({ stage, layer })) as Tensor;
        const wanted = meanSquares(input, input.width);
        const got = found.get(`blk.${layer}.${matrix}.weight`) as Float32Array;
        expect(got.length, matrix).toBe(wanted.length);
        for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
      }
    }
    expect([...found.keys()].every((name) => name.startsWith('blk.'))).toBe(true);
    expect(await importancesOfText({ model, text })).toBe(path); // measured once
    const [with_, without] = [
      await quantizeModel({ model, type: 'Q4_K', imatrix: path }),
      await quantizeModel({ model, type: 'Q4_K' }),
    ];
    expect(readFileSync(with_).equals(readFileSync(without))).toBe(false);
  });

  test('has of each expert those of the tokens that go through it', async () => {
    const model = writeTinyModel(join(directory, 'experts.gguf'), { experts: 4 });
    const found = read(await importancesOfText({ model, text }));
    const rows = await rowsOf(model);
    const at = (stage: string) => rows.get(placeKey({ stage, layer: 1 })) as Tensor;
    const [ids, x, units] = ['ffn_moe_topk', 'ffn_norm', 'ffn_moe_swiglu'].map(at) as [Tensor, Tensor, Tensor];
    const ff = units.width / ids.width;
    for (let expert = 0; expert < 4; expert++) {
      const slots = [...ids.values.keys()].filter((slot) => ids.values[slot] === expert);
      const of = (name: string, columns: number) =>
        found.get(`blk.1.${name}.weight`)?.slice(expert * columns, (expert + 1) * columns) as Float32Array;
      const row = (from: Tensor, slot: number, width: number) => [
        ...from.values.slice(slot * width, (slot + 1) * width),
      ];
      const cases = [
        [of('ffn_up_exps', x.width), slots.flatMap((slot) => row(x, Math.floor(slot / ids.width), x.width)), x.width],
        [of('ffn_down_exps', ff), slots.flatMap((slot) => row(units, slot, ff)), ff],
      ] as const;
      for (const [got, values, columns] of cases) {
        const wanted =
          slots.length > 0
            ? meanSquares({ values: Float32Array.from(values) }, columns)
            : new Float32Array(columns).fill(1);
        for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
      }
    }
  });

  test('of no text is refused', async () => {
    const model = writeTinyModel(join(directory, 'small.gguf'));
    const empty = join(directory, 'empty.txt');
    writeFileSync(empty, '');
    await expect(importancesOfText({ model, text: empty })).rejects.toMatchObject({ code: 'imatrix-text' });
    const nowhere = join(directory, 'nowhere.txt');
    await expect(importancesOfText({ model, text: nowhere })).rejects.toMatchObject({
      code: 'imatrix-not-found',
      message: expect.stringContaining('nowhere.txt: no such file. Give a text'),
    });
  });
});
