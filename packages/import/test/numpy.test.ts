import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failure, fileOf, fixture, load, pathOf } from './support/files.js';
import { npy } from './support/npy.js';
import { zip } from './support/zip.js';

const TOKENS = [1, 468, 300, 27, 5, 900, 12];

describe('what NumPy writes', () => {
  test('an .npz has what the same run as safetensors has', async () => {
    const [ours, theirs] = await Promise.all(
      ['mine.npz', 'mine.safetensors'].map((name) => load(fixture(name), { tokens: TOKENS })),
    );
    expect(ours?.tensors.size).toBe(5);
    expect(ours?.tensors).toEqual(theirs?.tensors);
    expect(ours?.run.notes[0]).toBe('format: NumPy (.npz)');
  });

  test('a single .npy without a known name is the logits', async () => {
    const { tensors, run } = await load(fileOf(readFileSync(fixture('lm_head.npy'))), { tokens: TOKENS });
    expect(tensors.get('-/result_output')).toMatchObject({ width: 1000 });
    expect(run.notes[1]).toMatch(/the only array, was taken for the logits/);
  });

  test('a folder of .npy files, called after their arrays', async () => {
    const folder = pathOf('folder');
    mkdirSync(folder);
    writeFileSync(join(folder, 'l_out-0.npy'), npy([2, 3]));
    writeFileSync(join(folder, 'l_out-1.npy'), npy([2, 3]));
    writeFileSync(join(folder, 'input_ids.npy'), npy([2], BigInt64Array.of(7n, 8n), { descr: '<i8' }));
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const { tensors, run } = await load(folder);
    expect([...tensors.keys()]).toEqual(['0/l_out', '1/l_out']);
    expect(run.metadata.tokens).toEqual([7, 8]);
  });

  const VALUES = [1.5, -2, 3, 4, 5, 6];
  test.each<[string, Buffer]>([
    ['float64', npy([2, 3], Float64Array.from(VALUES), { descr: '<f8' })],
    ['float16', npy([2, 3], Uint16Array.of(0x3e00, 0xc000, 0x4200, 0x4400, 0x4500, 0x4600), { descr: '<f2' })],
    [
      'bfloat16 of ml_dtypes',
      npy([2, 3], Uint16Array.of(0x3fc0, 0xc000, 0x4040, 0x4080, 0x40a0, 0x40c0), { descr: '<V2' }),
    ],
    ['Fortran order', npy([2, 3], Float32Array.of(1.5, 4, -2, 5, 3, 6), { fortran: true })],
    [
      'big endian',
      npy([2, 3], new Uint8Array(Buffer.from(Float32Array.from(VALUES).buffer).swap32()), { descr: '>f4' }),
    ],
    ['version 2', npy([2, 3], Float32Array.from(VALUES), { version: 2 })],
    ['version 3', npy([2, 3], Float32Array.from(VALUES), { version: 3 })],
  ])('%s', async (_, bytes) => {
    const { tensors } = await load(fileOf(bytes), { tokens: [1, 2] });
    expect([...(tensors.get('-/result_output')?.values ?? [])]).toEqual(VALUES);
  });

  test('a deflated .npz', async () => {
    const file = fileOf(
      zip(
        [
          ['l_out-0.npy', npy([2, 3])],
          ['l_out-1.npy', npy([2, 3], new Float32Array(6).fill(4))],
        ],
        { deflate: true },
      ),
    );
    const { tensors } = await load(file, { tokens: [1, 2] });
    expect([...(tensors.get('0/l_out')?.values ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...(tensors.get('1/l_out')?.values ?? [])]).toEqual([4, 4, 4, 4, 4, 4]);
  });

  const one = (bytes: Buffer) => zip([['l_out-0.npy', bytes]]);
  const whole = one(npy([2, 3]));
  const CASES: readonly [string, Buffer, string, RegExp][] = [
    ['an .npy cut off', npy([2, 3]).subarray(0, -1), 'dump-damaged', /F32 \[2, 3\] is 24 bytes, and there are 23/],
    ['an .npy with more behind it', Buffer.concat([npy([2, 3]), Buffer.alloc(4)]), 'dump-damaged', /and there are 28/],
    ['an .npy cut off in its header', npy([2, 3]).subarray(0, 40), 'dump-damaged', /header is to have/],
    ['an .npy of objects', npy([2, 3], undefined, { descr: '|O' }), 'dump-unsupported', /of type O/],
    [
      'an .npy of fields',
      npy([], new Uint8Array(8), { header: "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n" }),
      'dump-unsupported',
      /several fields/,
    ],
    [
      'an .npy of 10^18 values',
      npy([2, 3], undefined, {
        header: "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000), }",
      }),
      'dump-damaged',
      /and there are 24/,
    ],
    ['an .npy of version 9', npy([2, 3], undefined, { version: 9 }), 'dump-unsupported', /version 9/],
    ['an .npz cut off', whole.subarray(0, -30), 'dump-damaged', /zip file that cannot be read/],
    ['an .npz whose name leads out', zip([['../l_out-0.npy', npy([2, 3])]]), 'dump-damaged', /\.\.\/l_out-0/],
    ['an .npz with an absolute name', zip([['/etc/l_out-0.npy', npy([2, 3])]]), 'dump-damaged', /absolute/],
    [
      'an .npz with a name twice',
      zip([
        ['l_out-0.npy', npy([2, 3])],
        ['l_out-0.npy', npy([2, 3])],
      ]),
      'dump-damaged',
      /twice/,
    ],
    [
      'an .npz with another checksum',
      zip([['l_out-0.npy', npy([2, 3])]], { lies: { crc: 1 } }),
      'dump-damaged',
      /checksum/,
    ],
    [
      'an .npz entry that says to be larger',
      zip([['l_out-0.npy', npy([2, 3])]], { deflate: true, lies: { size: 4096 } }),
      'dump-damaged',
      /l_out-0/,
    ],
    [
      'a zip bomb',
      zip([['l_out-0.npy', new Uint8Array(100 << 20)]], { deflate: true }),
      'dump-unsupported',
      /would become 104857600: no tensor shrinks so far/,
    ],
    [
      'a zip of something else',
      zip([['word/document.xml', Buffer.from('<w/>')]]),
      'dump-unsupported',
      /word\/document\.xml/,
    ],
    ['an empty zip', zip([]), 'dump-shape', /no tensors/],
  ];
  test.each(CASES)('%s is refused in a sentence', async (_, bytes, code, message) => {
    const file = fileOf(bytes);
    const error = await failure(file, { tokens: [1, 2] });
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.message).toContain(file);
  });
});
