import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type DumpMetadata, DumpWriter, openDump, type Tensor, TensorStreamWriter } from '@llama-probe/dump';
import { seeded } from '@llama-probe/testing';
import pl from 'nodejs-polars';
import { describe, expect, test } from 'vitest';
import { failure, load, pathOf } from './support/files.js';

const tensor = (stage: string, layer: number | null): Tensor => ({
  step: 0,
  order: 0,
  layer,
  stage,
  positions: Int32Array.of(0, 1),
  width: 2,
  values: Float32Array.of(1, 2, 3, 4),
});

function dumpOf(tensors: readonly Tensor[], metadata: Partial<DumpMetadata> = {}): string {
  const path = pathOf('mine.arrow');
  const writer = new DumpWriter(path);
  for (const one of tensors) writer.write(one);
  writer.close({ producer: { name: 'foreign', version: '0' }, tokens: [5, 6], ...metadata });
  return path;
}

function streamOf(tensors: readonly Tensor[]): string {
  const path = pathOf('mine.arrows');
  const descriptor = openSync(path, 'w');
  const writer = new TensorStreamWriter(descriptor);
  for (const one of tensors) writer.write(one);
  writer.close();
  closeSync(descriptor);
  return path;
}

describe('Arrow', () => {
  test('a dump of ours goes through as it is, whatever its stages are called', async () => {
    const path = dumpOf([tensor('norm-1', null), tensor('l_out-1', null)], {
      producer: { name: 'llama.cpp', version: '1' },
    });
    const { tensors, run } = await load(path, { modelLayers: 1 });
    expect([...tensors.keys()]).toEqual(['-/norm-1', '-/l_out-1']);
    expect(run.notes).toEqual([]);
  });

  test("another's names are taken apart, and nothing is said where there is nothing to do", async () => {
    const { tensors, run } = await load(
      dumpOf([tensor('embd', null), tensor('l_out-1', null), tensor('norm-1', null)]),
    );
    expect([...tensors.keys()]).toEqual(['-/embd', '1/l_out', '-/norm-1']);
    expect(run.notes).toEqual(["names: llama.cpp's, with the layer in them"]);
    expect((await load(dumpOf([tensor('l_out', 1)]))).run.notes).toEqual([]);
  });

  test('layers are counted from 1 only where there is one too many of them, and no 0', async () => {
    const places = async (layers: readonly number[], modelLayers?: number) => {
      const { tensors } = await load(dumpOf(layers.map((layer) => tensor('l_out', layer))), { modelLayers });
      return [...tensors.keys()].join();
    };
    expect(await places([1, 2], 2)).toBe('0/l_out,1/l_out');
    expect(await places([2], 2)).toBe('1/l_out');
    expect(await places([1, 2], 3)).toBe('1/l_out,2/l_out');
    expect(await places([0, 2], 2)).toBe('0/l_out,2/l_out');
    expect(await places([1, 3], 2)).toBe('1/l_out,3/l_out');
    expect(await places([1, 2])).toBe('1/l_out,2/l_out');
  });

  test('a stream', async () => {
    const path = streamOf([tensor('embd', null), tensor('l_out', 0)]);
    const { tensors, run } = await load(path, { tokens: [5, 6] });
    expect([...tensors.keys()]).toEqual(['-/embd', '0/l_out']);
    expect([...(tensors.get('0/l_out')?.values ?? [])]).toEqual([1, 2, 3, 4]);
    expect(run.metadata.tokens).toEqual([5, 6]);
    expect(run.notes).toEqual(['format: an Arrow stream', 'token ids: it has none; those given were taken']);
  });

  test('a stream that was cut off is refused, wherever', async () => {
    const whole = readFileSync(streamOf([tensor('embd', null), tensor('l_out', 0)]));
    for (const length of [whole.length - 1, whole.length - 8, whole.length >> 1, 12]) {
      const path = pathOf('cut.arrows');
      writeFileSync(path, whole.subarray(0, length));
      const error = await failure(path, { tokens: [5, 6] });
      expect(error, `${length}`).toMatchObject({ code: 'dump-damaged', message: expect.stringContaining(path) });
    }
  });

  test('a stream whose messages say more than they have is refused before it is read', async () => {
    const whole = readFileSync(streamOf([tensor('embd', null), tensor('l_out', 0)]));
    const second = 8 + whole.readUInt32LE(4); // the dictionary, whose head says how many bytes of values there are
    for (const at of [4, second + 4, second + 26, second + 32]) {
      const path = pathOf('lies.arrows');
      const bytes = Buffer.from(whole);
      bytes.fill(0x7f, at, at + 3);
      writeFileSync(path, bytes);
      expect(await failure(path, { tokens: [5, 6] }), `${at}`).toMatchObject({ code: 'dump-damaged' });
    }
  });

  test('a file of the same columns without our metadata, as polars writes it', async () => {
    const path = pathOf('polars.arrow');
    pl.readIPC(readFileSync(dumpOf([tensor('embd', null), tensor('l_out', 0)]))).writeIPC(path);
    const { tensors, run } = await load(path, { tokens: [5, 6] });
    expect([...tensors.keys()]).toEqual(['-/embd', '0/l_out']);
    expect(run.metadata.tokens).toEqual([5, 6]);
    await expect(openDump(path)).rejects.toMatchObject({ code: 'dump-format' });
  });

  describe.each(['lz4', 'zstd'] as const)('compressed by %s', (compression) => {
    const random = seeded();
    const wide = (stage: string, layer: number | null, value: (i: number) => number): Tensor => ({
      ...tensor(stage, layer),
      width: 5000,
      values: Float32Array.from({ length: 10_000 }, (_, i) => value(i)),
    });
    const tensors = [
      wide('embd', null, () => random() - 0.5), // shrinks little
      wide('l_out', 0, () => 0),
      wide('l_out', 1, (i) => i % 17),
      tensor('result_norm', null), // too small to shrink
    ];
    const compressed = (path = pathOf('compressed.arrow')) => {
      pl.readIPC(readFileSync(dumpOf(tensors))).writeIPC(path, { compression });
      return path;
    };

    test('is what it was', async () => {
      const found = await load(compressed(), { tokens: [5, 6] });
      expect([...found.tensors.values()].map(({ values }) => values)).toEqual(tensors.map(({ values }) => values));
      expect([...found.tensors.keys()]).toEqual(['-/embd', '0/l_out', '1/l_out', '-/result_norm']);
    });

    test('in a stream too', async () => {
      const path = pathOf('compressed.arrows');
      pl.readIPC(readFileSync(dumpOf(tensors))).writeIPCStream(path, { compression });
      const found = await load(path, { tokens: [5, 6] });
      expect([...found.tensors.values()].map(({ values }) => values)).toEqual(tensors.map(({ values }) => values));
    });

    /** Where the values begin, and how long they say that they are. */
    const prefixOf = (bytes: Buffer) => {
      const magic = compression === 'lz4' ? [0x04, 0x22, 0x4d, 0x18] : [0x28, 0xb5, 0x2f, 0xfd];
      const all: number[] = [];
      for (let at = bytes.indexOf(Buffer.from(magic)); at >= 0; at = bytes.indexOf(Buffer.from(magic), at + 1))
        all.push(at - 8);
      return all.reduce((a, b) => (bytes.readBigInt64LE(b) > bytes.readBigInt64LE(a) ? b : a));
    };
    const broken = async (change: (bytes: Buffer, prefix: number) => void) => {
      const bytes = readFileSync(compressed());
      change(bytes, prefixOf(bytes));
      const path = pathOf('broken.arrow');
      writeFileSync(path, bytes);
      return failure(path, { tokens: [5, 6] });
    };

    test.each<[string, (bytes: Buffer, prefix: number) => void, RegExp]>([
      [
        'a bomb',
        (bytes, at) => bytes.writeBigInt64LE(2n ** 31n - 1n, at),
        /would become 21\d+: no values shrink so far/,
      ],
      [
        'more than memory',
        (bytes, at) => bytes.writeBigInt64LE(2n ** 62n, at),
        /is to become 4611686018427387904 bytes/,
      ],
      ['a negative length', (bytes, at) => bytes.writeBigInt64LE(-2n, at), /is to become -2 bytes/],
      ['less than it has', (bytes, at) => bytes.writeBigInt64LE(bytes.readBigInt64LE(at) - 4n, at), /cannot be read/],
      ['more than it has', (bytes, at) => bytes.writeBigInt64LE(bytes.readBigInt64LE(at) + 4n, at), /cannot be read/],
      ['no frame', (bytes, at) => bytes.writeUInt32LE(7, at + 8), /cannot be read/],
      ['a block of any length', (bytes, at) => bytes.fill(0xff, at + 14, at + 20), /cannot be read/],
    ])('%s is refused', async (_, change, what) => {
      const error = await broken(change);
      expect(error.message).toMatch(what);
      expect(error.code).toBe('dump-damaged');
    });
  });
});
