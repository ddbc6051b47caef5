import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { floats, inShort, int32, parseGguf, randomFrom, text, texts, u32, writeGguf } from '@llama-probe/testing';
import koffi from 'koffi';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { libraryDirectory, libraryFiles } from '../src/library/locate.js';
import { quantizeModel } from '../src/model/quantize.js';
import { keepProcesses } from '../src/process/lease.js';
import { writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-imatrix-'));
const model = join(directory, 'tiny.gguf');
let files = 0;
const written = (name: string, bytes: Uint8Array): string => {
  const path = join(directory, `${++files}-${name}`);
  writeFileSync(path, bytes);
  return path;
};

beforeAll(() => {
  vi.stubEnv('LLAMA_PROBE_CACHE', join(directory, 'cache'));
  writeTinyModel(model, { embd: 256, heads: 8, kvHeads: 4, ff: 512 });
});
afterAll(keepProcesses());
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

interface Entry {
  readonly name: string;
  /** Of each expert one after the other. */
  readonly sums: Float32Array;
  readonly counts: readonly number[];
}

/** As llama-imatrix writes them. Source: common/imatrix-loader.cpp of llama.cpp v0.5.0. */
const gguf = (entries: readonly Entry[]): Uint8Array =>
  writeGguf({
    metadata: {
      'general.type': text('imatrix'),
      'imatrix.datasets': texts(['a.txt']),
      'imatrix.chunk_count': u32(4),
      'imatrix.chunk_size': u32(512),
    },
    tensors: entries.flatMap(({ name, sums, counts }) => [
      floats(`${name}.in_sum2`, [sums.length / counts.length, counts.length], sums),
      floats(`${name}.counts`, [1, counts.length], Float32Array.from(counts)),
    ]),
  }).bytes;

const dat = (entries: readonly Entry[], end = Buffer.concat([int32(4), int32(5), Buffer.from('a.txt')])): Uint8Array =>
  Buffer.concat([
    int32(entries.length),
    ...entries.flatMap(({ name, sums, counts: [count = 0] }) => [
      ...[int32(name.length), Buffer.from(name), int32(count), int32(sums.length)],
      Buffer.from(sums.buffer),
    ]),
    end,
  ]);

const random = randomFrom(11);
const COUNT = 7;
/** Of every matrix of the blocks, as llama-imatrix has them: it knows nothing of the embedding. */
const entries = (change: (name: string, columns: number) => number = (_, columns) => columns): Entry[] =>
  parseGguf(readFileSync(model)).tensors.flatMap(({ name, shape }) => {
    if (shape.length < 2 || !name.startsWith('blk.')) return [];
    const sums = Float32Array.from({ length: change(name, Number(shape[0])) }, () => COUNT * 2 ** (12 * random() - 6));
    return [{ name, sums, counts: [COUNT] }];
  });

/** What a made model has of a tensor. */
function bytesOf(path: string, name: string, length: number): Buffer {
  const { tensors, data } = parseGguf(readFileSync(path));
  const offset = Number(tensors.find((tensor) => tensor.name === name)?.offset);
  return Buffer.from(data.subarray(offset, offset + length));
}

const TENSOR = 'blk.1.ffn_gate.weight';

const quantize = koffi
  .load(libraryFiles(libraryDirectory()).base)
  .func('ggml_quantize_chunk', 'size_t', ['int', 'void *', 'void *', 'int64', 'int64', 'int64', 'void *']);

/** The same rows as ggml makes them of these importances by itself. */
function byGgml(type: number, importances: Float32Array | null): Buffer {
  const { tensors, data } = parseGguf(readFileSync(model));
  const { shape, offset } = tensors.find(({ name }) => name === TENSOR) as (typeof tensors)[number];
  const [columns, rows] = shape.map(Number) as [number, number];
  const weights = new Float32Array(
    new Uint8Array(data.subarray(Number(offset), Number(offset) + columns * rows * 4)).buffer,
  );
  const made = Buffer.alloc(columns * rows * 4);
  return made.subarray(0, Number(quantize(type, weights, made, 0, rows, columns, importances)));
}

describe('an importance matrix', () => {
  test.each(
    inShort<[string, number]>(
      [
        ['Q4_K', 12], // from each format
        ['IQ2_XXS', 16],
      ],
      1,
    ),
  )('makes %s as ggml does of the same importances, and not as it does without', async (type, number) => {
    const all = entries();
    const importances = all.find(({ name }) => name === TENSOR)?.sums.map((sum) => sum / COUNT) as Float32Array;
    const right = byGgml(number, importances);
    const even = byGgml(number, new Float32Array(importances.length).fill(1));
    expect(right.equals(even)).toBe(false);
    const made = [];
    const formats = [
      written('imatrix.gguf', gguf(all)),
      written('imatrix.dat', dat(all)),
      written('old.dat', dat(all, Buffer.alloc(0))),
    ];
    for (const imatrix of type === 'Q4_K' ? formats : formats.slice(0, 1)) {
      const path = await quantizeModel({ model, type, imatrix });
      expect(path).toContain(`${type}-imatrix-`);
      expect(bytesOf(path, TENSOR, right.length).equals(right)).toBe(true);
      made.push(path);
    }
    expect(new Set(made).size).toBe(made.length); // by their content
    expect(bytesOf(await quantizeModel({ model, type }), TENSOR, right.length).equals(right)).toBe(false);
  });

  test('that has nothing of a matrix leaves llama.cpp without, or with all columns alike where it needs one, and that is told', async () => {
    const imatrix = written('imatrix.gguf', gguf(entries()));
    const said = async (type: string) => {
      const messages: string[] = [];
      await quantizeModel({ model, type, imatrix, onProgress: (message) => messages.push(message) });
      return messages.filter((message) => message.includes('every column'));
    };
    expect(await said('Q5_K')).toEqual([]);
    expect(await said('Q2_K_S')).toEqual([
      `${imatrix} has nothing of token_embd.weight, output.weight: every column is taken for as important as the others`,
    ]);
  });

  test('says of an expert that no token went through that its columns are alike', async () => {
    const all = entries();
    const one = all.find(({ name }) => name === TENSOR) as Entry;
    const idle = all.map((entry) => (entry === one ? { ...one, counts: [0] } : entry));
    const path = await quantizeModel({ model, type: 'Q4_K', imatrix: written('idle.gguf', gguf(idle)) });
    const even = byGgml(12, new Float32Array(one.sums.length).fill(1));
    expect(bytesOf(path, TENSOR, even.length).equals(even)).toBe(true);
  });

  const good = () => dat(entries());
  test.each<[string, () => string, string, string]>([
    ['is not there', () => join(directory, 'none.dat'), 'imatrix-not-found', 'no such file'],
    ['is empty', () => written('empty.dat', new Uint8Array()), 'imatrix-damaged', 'past its 0 bytes'],
    ['has no entries', () => written('zero.dat', int32(0)), 'imatrix-damaged', 'it has 0 entries'],
    ['is cut off', () => written('cut.dat', good().subarray(0, 3000)), 'imatrix-damaged', 'past its 3000 bytes'],
    [
      'is a text',
      () => written('text.dat', Buffer.from('not an imatrix at all')),
      'imatrix-damaged',
      'no file of llama-imatrix',
    ],
    [
      'is cut off, in GGUF',
      () => written('cut.gguf', gguf(entries()).subarray(0, 9000)),
      'imatrix-damaged',
      'it ends at byte 9000',
    ],
    ['is a model', () => model, 'imatrix-damaged', 'a GGUF file without importances'],
    [
      'has no counts',
      () =>
        written(
          'no-counts.gguf',
          writeGguf({ metadata: {}, tensors: [floats('a.in_sum2', [2], Float32Array.of(1, 2))] }).bytes,
        ),
      'imatrix-damaged',
      'it has a.in_sum2 and no a.counts',
    ],
    [
      'has a NaN',
      () => written('nan.dat', dat([{ name: TENSOR, sums: new Float32Array(256).fill(Number.NaN), counts: [1] }])),
      'imatrix-damaged',
      `an importance of ${TENSOR} is NaN`,
    ],
    [
      'is of another size of model',
      () => written('other.dat', dat(entries((name, columns) => (name === TENSOR ? columns / 2 : columns)))),
      'imatrix-model',
      `has 128 importances of ${TENSOR}, and the model's has 256 columns`,
    ],
    [
      'is of another architecture',
      () => written('other.gguf', gguf([{ name: 'blk.0.ssm_in.weight', sums: Float32Array.of(1), counts: [1] }])),
      'imatrix-model',
      'none of which the model has',
    ],
  ])('that %s is refused', async (_, imatrix, code, says) => {
    const path = imatrix();
    const error: Error = await quantizeModel({ model, type: 'Q3_K', imatrix: path }).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'QuantizeError', code });
    for (const words of [path, says]) expect(error.message).toContain(words);
  });

  test('for floats is refused: they are made without', () =>
    expect(quantizeModel({ model, type: 'bf16', imatrix: model })).rejects.toMatchObject({ code: 'imatrix-type' }));
});
