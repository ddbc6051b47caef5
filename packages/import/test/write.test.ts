import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DumpMetadata, Tensor } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { runWriter } from '../src/index.js';
import { load, pathOf } from './support/files.js';

const METADATA: DumpMetadata = {
  producer: { name: 'llama.cpp', version: '1' },
  tokens: [5, 6, 7],
  floors: { method: 'two builds', margin: 3, minimum: 1e-5, stages: {} },
};

const tensor = (stage: string, layer: number | null, changes: Partial<Tensor> = {}): Tensor => ({
  step: 0,
  order: 0,
  layer,
  stage,
  positions: Int32Array.of(0, 1, 2),
  width: 2,
  values: Float32Array.of(1, 2, Number.NaN, 4, -0, Number.POSITIVE_INFINITY),
  ...changes,
});

const written = async (path: string, tensors: readonly Tensor[], metadata = METADATA) => {
  const writer = runWriter(path);
  try {
    for (const one of tensors) writer.write(one);
    await writer.close(metadata);
  } finally {
    writer.abort();
  }
  return path;
};

describe.each(['safetensors', 'npz'])('.%s', (ending) => {
  const path = () => pathOf(`run.${ending}`);

  test('is read back as it was, bit for bit, under the same names', async () => {
    const first = tensor('embd', null, { positions: Int32Array.of(0, 1), values: Float32Array.of(1, 2, 3, 4) });
    const second = tensor('embd', null, { positions: Int32Array.of(2), values: Float32Array.of(5, 6) });
    const last = tensor('result_output', null, { positions: Int32Array.of(2), values: Float32Array.of(7, 8) });
    const file = await written(path(), [first, tensor('q_rope', 0), tensor('norm.2', 11), second, last]);
    const { tensors, run } = await load(file);
    expect(run.metadata.tokens).toEqual([5, 6, 7]);
    expect([...(tensors.get('-/embd')?.values ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(tensors.get('0/q_rope')?.values).toEqual(tensor('q_rope', 0).values);
    expect(tensors.get('11/norm.2')?.positions).toEqual(Int32Array.of(0, 1, 2));
    expect(tensors.get('-/result_output')).toMatchObject({ positions: Int32Array.of(2) });
    expect(tensors.size).toBe(4);
  });

  test('is the same file for the same run', async () => {
    const [one, other] = [await written(path(), [tensor('embd', null)]), await written(path(), [tensor('embd', null)])];
    expect(readFileSync(one)).toEqual(readFileSync(other));
  });

  test.each<[string, Tensor, RegExp]>([
    ['a step', tensor('embd', null, { step: 1 }), /embd is of step 1\. .*--steps 0/],
    ['rows that are not all', tensor('embd', null, { positions: Int32Array.of(1, 2, 3) }), /positions 1, 2, 3/],
    ['a name that says a layer', tensor('norm.2', null), /norm\.2 would be read back as something else/],
    ["another one's name", tensor('norm', null), /norm would be read back as something else/],
    [
      'other tokens',
      tensor('embd', null, { positions: Int32Array.of(0, 1), values: new Float32Array(4) }),
      /has 2 rows/,
    ],
  ])('%s is refused, and nothing is left', async (_, one, what) => {
    const file = path();
    const error = await written(file, [one]).then(
      () => ({ message: 'it was written', code: '' }),
      (error) => error,
    );
    expect(error.message).toMatch(what);
    expect(error.code).toBe('dump-unsupported');
    expect(readdirSync(dirname(file)).filter((name) => file.endsWith(name) || name.includes('.partial'))).toEqual([]);
  });

  test('a folder that cannot be written is said', async () => {
    await expect(written(`/proc/none/run.${ending}`, [])).rejects.toMatchObject({ code: 'dump-unwritable' });
  });
});

test('what another reader of safetensors and NumPy wants is so', async () => {
  const file = readFileSync(await written(pathOf('run.safetensors'), [tensor('embd', null)]));
  const header = JSON.parse(file.toString('utf8', 8, 8 + Number(file.readBigUInt64LE(0))));
  expect(Number(file.readBigUInt64LE(0)) % 8).toBe(0);
  expect(header.tokens).toEqual({ dtype: 'I64', shape: [3], data_offsets: [0, 24] });
  expect(header.embd).toEqual({ dtype: 'F32', shape: [3, 2], data_offsets: [24, 48] });
  expect(Object.values(header.__metadata__).every((value) => typeof value === 'string')).toBe(true);
  const zip = readFileSync(await written(pathOf('run.npz'), [tensor('embd', null)])).toString('latin1');
  const begin = zip.lastIndexOf('NUMPY', zip.indexOf('(3, 2)')) - 1;
  const head = zip.slice(begin, zip.indexOf('\n', begin) + 1);
  expect(head.slice(10)).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 2\), \} *\n$/);
  expect([6, 7, 8, 9].map((at) => head.charCodeAt(at))).toEqual([1, 0, head.length - 10, 0]);
  expect(head.length % 64).toBe(0);
});
