import { describe, expect, test } from 'vitest';
import { openRun } from '../src/index.js';
import { failure, fileOf, fixture, load } from './support/files.js';
import { floats, ids, safetensors, safetensorsFile } from './support/safetensors.js';

const TOKENS = [1, 468, 300, 27, 5, 900, 12];

describe('a safetensors file', () => {
  test('as its library writes it, with Hugging Face names and a batch dimension', async () => {
    const { run, tensors } = await load(fixture('mine.safetensors'), { tokens: TOKENS });
    expect([...tensors.keys()]).toEqual(['-/embd', '0/attn_norm', '0/v_proj', '0/attn_out', '0/l_out']);
    const embd = tensors.get('-/embd');
    expect(embd).toMatchObject({ width: 256, positions: Int32Array.of(0, 1, 2, 3, 4, 5, 6) });
    expect(embd?.values).toHaveLength(7 * 256);
    expect(run.metadata.tokens).toEqual(TOKENS);
    expect(run.notes).toEqual([
      'format: safetensors',
      'names: Hugging Face modules (5)',
      'a batch dimension of 1 was dropped: 5 tensors',
      'token ids: it has none; those given were taken',
    ]);
  });

  test('may be read twice at once', async () => {
    const run = await openRun(fixture('mine.safetensors'));
    const [one, other] = [run.tensors(), run.tensors()];
    await one.next();
    await one.next();
    expect((await other.next()).value).toMatchObject({ stage: 'embd' });
    expect((await one.next()).value).toMatchObject({ stage: 'v_proj' });
    await run.close();
  });

  test('whose values nobody keeps has one tensor after another in the same memory, whichever is longer', async () => {
    const file = safetensorsFile({
      'l_out-0': floats([1, 8], (i) => i + 0.5),
      'l_out-1': {
        dtype: 'BF16',
        shape: [1, 4],
        bytes: new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0, 0x4040).buffer),
      },
      'l_out-2': {
        dtype: 'F16',
        shape: [1, 4],
        bytes: new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 1, 0x7c00).buffer),
      },
      'l_out-3': floats([1, 16], (i) => -i),
      'l_out-4': floats([1, 2], (i) => i),
    });
    const run = await openRun(file);
    const seen: number[][] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const { values } of run.tensors({ isKept: false })) {
      seen.push([...values]);
      memory.add(values.buffer);
    }
    await run.close();
    const kept = [...(await load(file)).tensors.values()].map(({ values }) => [...values]);
    expect(seen).toEqual(kept);
    expect(kept[1]).toEqual([1, -2, 0, 3]);
    expect(kept[2]).toEqual([1, -2, 2 ** -24, Number.POSITIVE_INFINITY]);
    expect(memory.size).toBe(3); // of eight floats, of sixteen, and of what is made of halves
  });

  test('has the values of each type', async () => {
    const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer as ArrayBuffer);
    const file = safetensorsFile({
      'l_out-0': { dtype: 'F64', shape: [1, 2], bytes: bytes(Float64Array.of(1.5, -2)) },
      'l_out-1': {
        dtype: 'F16',
        shape: [1, 6],
        bytes: bytes(Uint16Array.of(0x3e00, 0xc000, 1, 0x7c00, 0x7e00, 0x8000)),
      },
      'l_out-2': { dtype: 'BF16', shape: [1, 2], bytes: bytes(Uint16Array.of(0x3fc0, 0xc000)) },
      'l_out-3': { dtype: 'I32', shape: [1, 2], bytes: bytes(Int32Array.of(3, -4)) },
    });
    const { tensors, run } = await load(file, { tokens: [1] });
    expect([...(tensors.get('0/l_out')?.values ?? [])]).toEqual([1.5, -2]);
    expect([...(tensors.get('1/l_out')?.values ?? [])]).toEqual([1.5, -2, 2 ** -24, Infinity, NaN, -0]);
    expect([...(tensors.get('2/l_out')?.values ?? [])]).toEqual([1.5, -2]);
    expect([...(tensors.get('3/l_out')?.values ?? [])]).toEqual([3, -4]);
    expect(run.notes).toContain('BF16 was read as F32: 1 tensor');
  });

  test('has its own token ids', async () => {
    const file = safetensorsFile({ input_ids: ids(1, 2, 70000), l_out: floats([3, 2]), 'l_out-0': floats([3, 2]) });
    const { run } = await load(file, { tokens: [9, 9, 9] });
    expect(run.metadata.tokens).toEqual([1, 2, 70000]);
    expect(run.notes).toContain('token ids: its own, 3');
  });

  const whole = { 'l_out-0': floats([2, 2]), 'l_out-1': floats([2, 2]) };
  const withEntry = (change: object) =>
    safetensorsFile(whole, (h) => ({ ...h, 'l_out-1': { ...h['l_out-1'], ...change } }));
  test.each<[string, () => string, string, RegExp]>([
    [
      'cut off',
      () => fileOf(safetensors(whole).subarray(0, -1)),
      'dump-damaged',
      /l_out-1 is to be at 16 to 32, and there are 31/,
    ],
    ['cut off in its header', () => fileOf(safetensors(whole).subarray(0, 40)), 'dump-damaged', /header is to have/],
    [
      'a header of a terabyte',
      () => fileOf(Buffer.concat([Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]), Buffer.from('{"a":1}')])),
      'dump-damaged',
      /header is to have 4294967296/,
    ],
    ['a header that is not JSON', () => safetensorsFile(whole, () => '{"l_out-0": oh}'), 'dump-damaged', /not JSON/],
    [
      'offsets outside of the file',
      () => withEntry({ data_offsets: [16, 2 ** 50], shape: [2 ** 47, 2] }),
      'dump-damaged',
      /and there are 32 bytes/,
    ],
    ['offsets the wrong way round', () => withEntry({ data_offsets: [32, 16] }), 'dump-damaged', /l_out-1/],
    ['offsets below zero', () => withEntry({ data_offsets: [-16, 0] }), 'dump-damaged', /l_out-1/],
    [
      'another shape',
      () => withEntry({ shape: [3, 2] }),
      'dump-damaged',
      /l_out-1, F32 \[3, 2\], is 24 bytes, and has 16/,
    ],
    ['another type', () => withEntry({ dtype: 'F64' }), 'dump-damaged', /F64 \[2, 2\], is 32 bytes, and has 16/],
    ['a shape of fractions', () => withEntry({ shape: [0.5, 8] }), 'dump-damaged', /no shape/],
    [
      'a type that is not read',
      () => withEntry({ dtype: 'F8_E4M3' }),
      'dump-unsupported',
      /F8_E4M3; read are F64, F32/,
    ],
    ['a type by the name of a method', () => withEntry({ dtype: 'toString' }), 'dump-unsupported', /toString/],
    [
      'bytes of two tensors',
      () => withEntry({ data_offsets: [8, 24] }),
      'dump-damaged',
      /l_out-0 and l_out-1 have bytes in common/,
    ],
    [
      'a name twice',
      () => safetensorsFile(whole, (h) => JSON.stringify(h).replace('"l_out-1"', '"l_out-0"')),
      'dump-damaged',
      /l_out-0 twice/,
    ],
  ])('%s is refused in a sentence', async (_, make, code, message) => {
    const file = make();
    const error = await failure(file);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.message).toContain(file);
  });
});
