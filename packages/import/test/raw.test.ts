import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failure, fileOf, load, pathOf } from './support/files.js';

const floats = (count: number) => new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer);

describe('float32 values without a header', () => {
  test('are the logits of every token', async () => {
    const { tensors } = await load(fileOf(floats(15), '.bin'), { tokens: [1, 2, 3] });
    expect(tensors.get('-/result_output')).toMatchObject({ width: 5, positions: Int32Array.of(0, 1, 2) });
  });

  test('or of the last one, where they do not divide by the tokens', async () => {
    const { tensors, run } = await load(fileOf(floats(5), '.f32'), { tokens: [1, 2, 3] });
    expect(tensors.get('-/result_output')).toMatchObject({ width: 5, positions: Int32Array.of(2) });
    expect(run.notes).toContain('the last token only: 1 tensor (result_output)');
  });

  test('or of the last one, where the model makes as many of a row', async () => {
    const { tensors } = await load(fileOf(floats(6), '.bin'), { tokens: [1, 2, 3], vocabulary: 6 });
    expect(tensors.get('-/result_output')).toMatchObject({ width: 6, positions: Int32Array.of(2) });
  });

  test('of a broken number are refused', async () => {
    const error = await failure(fileOf(new Uint8Array(7), '.bin'), { tokens: [1] });
    expect(error).toMatchObject({ code: 'dump-unsupported', message: expect.stringContaining('has 7 bytes') });
  });
});

describe('a JSON manifest', () => {
  const made = (manifest: object | string) => {
    const folder = pathOf('manifest');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.bin'), floats(12));
    writeFileSync(join(folder, 'manifest.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
    return folder;
  };
  const entry = { name: 'l_out-0', file: 'a.bin', shape: [2, 3] };

  test('says what there is, in a folder or by itself', async () => {
    const folder = made({
      producer: 'mine',
      tokens: [4, 5],
      tensors: [entry, { ...entry, name: 'l_out-1', offset: 24, dtype: 'F32' }],
    });
    for (const path of [folder, join(folder, 'manifest.json')]) {
      const { tensors, run } = await load(path);
      expect([...(tensors.get('0/l_out')?.values ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
      expect([...(tensors.get('1/l_out')?.values ?? [])]).toEqual([6, 7, 8, 9, 10, 11]);
      expect(run.metadata).toMatchObject({ tokens: [4, 5], producer: { name: 'mine' } });
    }
  });

  test.each<[string, object | string, string, RegExp]>([
    ['not JSON', '{"tensors": oh}', 'dump-damaged', /begins as JSON/],
    ['of something else', { name: 'package' }, 'dump-unsupported', /without a list of tensors/],
    [
      'that climbs out',
      { tensors: [{ ...entry, file: '../../a.bin' }] },
      'dump-unsupported',
      /outside of the manifest's folder/,
    ],
    [
      'that climbs out in the middle',
      { tensors: [{ ...entry, file: 'x/../../a.bin' }] },
      'dump-unsupported',
      /outside/,
    ],
    ['with an absolute path', { tensors: [{ ...entry, file: '/etc/passwd' }] }, 'dump-unsupported', /outside/],
    ['of a file that is not there', { tensors: [{ ...entry, file: 'b.bin' }] }, 'dump-not-found', /b\.bin/],
    [
      'of more than the file has',
      { tensors: [{ ...entry, shape: [3, 5] }] },
      'dump-damaged',
      /ends at byte 60 of a\.bin, which has 48/,
    ],
    ['of more than memory has', { tensors: [{ ...entry, shape: [2 ** 30, 2 ** 30] }] }, 'dump-damaged', /which has 48/],
    ['of an unknown type', { tensors: [{ ...entry, dtype: 'Q4_0' }] }, 'dump-unsupported', /Q4_0/],
    ['without a shape', { tensors: [{ ...entry, shape: undefined }] }, 'dump-damaged', /no name, file and shape/],
    ['with tokens that are none', { tokens: ['a'], tensors: [entry] }, 'dump-damaged', /no list of token ids/],
  ])('%s is refused in a sentence', async (_, manifest, code, message) => {
    const error = await failure(made(manifest), { tokens: [1, 2] });
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });
});
