import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect as all, int64, seeded } from '@llama-probe/testing';
import {
  DataType,
  Field,
  Float32,
  Int32,
  List,
  RecordBatchFileWriter,
  Table,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';
import pl from 'nodejs-polars';
import { afterAll, describe, expect, test } from 'vitest';
import { DumpWriter, openDump, readTensorStream, type Tensor } from '../src/index.js';

const random = seeded();
const root = mkdtempSync(join(tmpdir(), 'llama-probe-dump-'));
const directory = () => mkdtempSync(join(root, 'case-'));
afterAll(() => rmSync(root, { recursive: true }));
const METADATA = { producer: { name: 'test', version: '1' }, tokens: [1, 5, 9], prompt: 'a "quoted" ünicode prompt' };

function tensor(at: Partial<Tensor>, rows = 3, width = 5): Tensor {
  return {
    step: 0,
    order: 0,
    layer: null,
    stage: 'embd',
    positions: Int32Array.from({ length: rows }, (_, row) => row),
    width,
    values: Float32Array.from({ length: rows * width }, () => random() - 0.5),
    ...at,
  };
}

const SAMPLE = () => [
  tensor({}),
  tensor({ order: 1, layer: 0, stage: 'q_proj' }, 3, 8),
  tensor({ order: 2, layer: 1, stage: 'some_node_of_another_model' }, 3, 1),
  tensor(
    { order: 3, layer: 1, stage: 'kq', values: Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY, 1e-42) },
    1,
    4,
  ),
  tensor({ order: 4, step: 1, stage: 'result_output', positions: Int32Array.of(3) }, 1, 5),
];

function write(path: string, tensors: Tensor[]): void {
  const writer = new DumpWriter(path);
  for (const one of tensors) writer.write(one);
  writer.close(METADATA);
}

describe('a dump', () => {
  test('comes back as it was written, bit for bit', async () => {
    const path = join(directory(), 'a.arrow');
    const tensors = SAMPLE();
    write(path, tensors);
    const dump = await openDump(path);
    expect(dump.metadata).toEqual(METADATA);
    expect(await all(dump.tensors())).toEqual(tensors);
    await dump.close();
  });

  test('is one record batch per tensor, and the values buffer is the tensor', () => {
    const path = join(directory(), 'a.arrow');
    const tensors = SAMPLE();
    write(path, tensors);
    const table = tableFromIPC(readFileSync(path));
    expect(table.batches.length).toBe(tensors.length);
    table.batches.forEach((batch, i) => {
      const list = batch.getChild('values');
      expect(DataType.isList(list?.type)).toBe(true);
      expect(list?.data[0]?.children[0]?.values.subarray(0, tensors[i]?.values.length)).toEqual(tensors[i]?.values);
    });
  });

  test('is read by an Arrow reader that nobody here wrote', () => {
    const path = join(directory(), 'a.arrow');
    const tensors = SAMPLE();
    write(path, tensors);
    const frame = pl.readIPC(readFileSync(path));
    expect(frame.columns).toEqual(['step', 'order', 'layer', 'stage', 'token', 'values']);
    expect(frame.height).toBe(tensors.reduce((rows, one) => rows + one.positions.length, 0));
    const rows = tensors.flatMap((one) => Array.from(one.positions, (token, row) => ({ one, token, row })));
    const records = frame.toRecords();
    rows.forEach(({ one, token, row }, i) => {
      expect(records[i]).toMatchObject({ step: one.step, order: one.order, layer: one.layer, stage: one.stage, token });
      expect(Float32Array.from(records[i]?.values as unknown as number[])).toEqual(
        one.values.slice(row * one.width, (row + 1) * one.width),
      );
    });
  });

  test('exists only when it is whole', () => {
    const folder = directory();
    const writer = new DumpWriter(join(folder, 'a.arrow'));
    writer.write(tensor({}));
    expect(existsSync(join(folder, 'a.arrow'))).toBe(false);
    writer.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('leaves nothing behind when its process ends in the middle', async () => {
    const folder = directory();
    const script = `
      import { DumpWriter } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      const writer = new DumpWriter(${JSON.stringify(join(folder, 'a.arrow'))});
      writer.write({ step: 0, order: 0, layer: null, stage: 'embd', positions: Int32Array.of(0), width: 1, values: Float32Array.of(1) });
      process.exit(3);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('goes through a pipe as a stream', async () => {
    const script = `
      import { TensorStreamWriter } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      const writer = new TensorStreamWriter(3);
      for (let order = 0; order < 50; order++)
        writer.write({ step: 0, order, layer: order, stage: 'l_out', positions: Int32Array.of(0, 1), width: 20000, values: new Float32Array(40000).fill(order) });
      writer.close();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    let order = 0;
    for await (const one of readTensorStream(child.stdio[3] as import('node:stream').Readable, 'pipe')) {
      expect(one.order).toBe(order);
      expect(one.values.every((value) => value === order)).toBe(true);
      order++;
    }
    expect(order).toBe(50);
  });

  test('an empty stream ends, though the pipe goes on', async () => {
    const script = `
      import { TensorStreamWriter } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      new TensorStreamWriter(3).close();
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    expect(await all(readTensorStream(child.stdio[3] as import('node:stream').Readable, 'pipe'))).toEqual([]);
    child.kill();
  });
});

test('what a process that is gone has left half-written goes when the dump is written again, and nothing else', () => {
  const folder = directory();
  const path = join(folder, 'mine.arrow');
  const gone = 2 ** 22 + 1; // above the highest number that Linux gives to a process
  const left = `${path}.${gone}-0.partial`;
  const others = [`${path}.${process.pid}-99.partial`, join(folder, `yours.arrow.${gone}-0.partial`)];
  for (const file of [left, ...others]) writeFileSync(file, '');
  const writer = new DumpWriter(path);
  writer.write(tensor({}));
  writer.close(METADATA);
  expect(existsSync(left)).toBe(false);
  for (const file of [path, ...others]) expect(existsSync(file), file).toBe(true);
});

describe('a foreign dump', () => {
  const metadata = new Map([
    ['llama_probe.format', '1'],
    ['llama_probe.tokens', '[1]'],
  ]);
  const file = (columns: Record<string, import('apache-arrow').Vector>, meta = metadata) => {
    const path = join(directory(), 'foreign.arrow');
    const table = new Table(columns);
    for (const [key, value] of meta) table.schema.metadata.set(key, value);
    writeFileSync(path, RecordBatchFileWriter.writeAll(table).toUint8Array(true));
    return path;
  };
  const ints = (values: (number | null)[]) => vectorFromArray(values, new Int32());
  const lists = (values: number[][]) => vectorFromArray(values, new List(new Field('item', new Float32())));

  test('may put many tensors into one batch and use plain strings', async () => {
    const path = file({
      step: ints([0, 0, 0]),
      order: ints([0, 0, 1]),
      layer: ints([null, null, 0]),
      stage: vectorFromArray(['embd', 'embd', 'q_proj'], new Utf8()),
      token: ints([0, 1, 0]),
      values: lists([
        [1, 2],
        [3, 4],
        [5, 6, 7],
      ]),
    });
    const dump = await openDump(path);
    const tensors = await all(dump.tensors());
    expect(tensors.map((one) => [one.stage, one.layer, Array.from(one.positions), Array.from(one.values)])).toEqual([
      ['embd', null, [0, 1], [1, 2, 3, 4]],
      ['q_proj', 0, [0], [5, 6, 7]],
    ]);
    await dump.close();
  });

  test('without steps, order and layers has one of each', async () => {
    const stage = vectorFromArray(['embd', 'embd', 'l_out-0'], new Utf8());
    const dump = await openDump(file({ stage, token: ints([0, 1, 1]), values: lists([[1], [2], [3]]) }));
    expect(
      (await all(dump.tensors())).map((one) => [one.step, one.order, one.layer, one.stage, ...one.values]),
    ).toEqual([
      [0, 0, null, 'embd', 1, 2],
      [0, 0, null, 'l_out-0', 3],
    ]);
    await dump.close();
  });

  test('without a column, or with the wrong metadata, is refused with what is missing', async () => {
    const without = await openDump(file({ step: ints([0]), order: ints([0]) }));
    await expect(all(without.tensors())).rejects.toThrow(/column "stage" is missing; found step, order/);
    await without.close();
    await expect(openDump(file({ step: ints([0]) }, new Map()))).rejects.toThrow(/llama_probe\.format = nothing/);
    await expect(openDump(file({ step: ints([0]) }, new Map([['llama_probe.format', '1']])))).rejects.toThrow(
      /tokens must be/,
    );
  });
});

describe('a bad file', () => {
  test.each([
    ['missing', undefined, 'dump-not-found'],
    ['empty', () => '', 'dump-not-arrow'],
    ['not Arrow', () => 'GGUF and more', 'dump-not-arrow'],
    ['only a magic', () => 'ARROW1\0\0', 'dump-damaged'],
    ['an absurd footer length', () => `ARROW1\0\0${'x'.repeat(40)}\xff\xff\xff\x7fARROW1`, 'dump-damaged'],
  ])('%s', async (_, content, code) => {
    const path = join(directory(), 'bad.arrow');
    if (content) writeFileSync(path, content(), 'latin1');
    await expect(openDump(path)).rejects.toMatchObject({ name: 'DumpError', code });
  });

  test('cut off after it was opened', async () => {
    const path = join(directory(), 'cut.arrow');
    write(path, SAMPLE());
    const dump = await openDump(path);
    truncateSync(path, 2000);
    await expect(all(dump.tensors())).rejects.toThrow(/record batch \d of 5 ends before its end: the file was cut off/);
    await dump.close();
  });

  test('cut off anywhere', async () => {
    const folder = directory();
    write(join(folder, 'whole.arrow'), SAMPLE());
    const whole = readFileSync(join(folder, 'whole.arrow'));
    for (let size = 1; size < whole.length; size += 97) {
      const path = join(folder, 'cut.arrow');
      writeFileSync(path, whole);
      truncateSync(path, size);
      await expect(openDump(path)).rejects.toMatchObject({ name: 'DumpError' });
    }
  });

  /** A file whose footer, or a batch of it, says other numbers. */
  const changed = (find: number, replace: number) => {
    const folder = directory();
    write(join(folder, 'whole.arrow'), SAMPLE());
    const bytes = readFileSync(join(folder, 'whole.arrow'));
    const footer = bytes.length - 10 - bytes.readInt32LE(bytes.length - 10);
    let count = 0;
    for (let at = footer; at + 8 <= bytes.length - 10; at += 1) {
      if (bytes.readBigInt64LE(at) !== BigInt(find)) continue;
      bytes.writeBigInt64LE(BigInt(replace), at);
      count++;
    }
    expect(count).toBeGreaterThan(0);
    const path = join(folder, 'changed.arrow');
    writeFileSync(path, bytes);
    return path;
  };

  test('whose footer names a block that is not in the file', async () => {
    const folder = directory();
    write(join(folder, 'whole.arrow'), SAMPLE());
    const bytes = readFileSync(join(folder, 'whole.arrow'));
    const footer = Footer.decode(bytes.subarray(bytes.length - 10 - bytes.readInt32LE(bytes.length - 10), -10));
    const { offset } = footer.getRecordBatch(1) as { offset: number };
    for (const elsewhere of [bytes.length + 8, 2 ** 40, -8]) {
      await expect(openDump(changed(offset, elsewhere)), `at ${elsewhere}`).rejects.toMatchObject({
        code: 'dump-damaged',
        message: expect.stringMatching(/record batch 1 of \d+ is to be at -?\d+, and the data end at \d+/),
      });
    }
  });

  /** Where a flatbuffer of the file begins and ends: its footer's, and those of the blocks that the footer names. */
  const flatbuffers = (bytes: Buffer): [number, number][] => {
    const end = bytes.length - 10;
    const begin = end - bytes.readInt32LE(end);
    const footer = Footer.decode(bytes.subarray(begin, end));
    const blocks = [...footer.dictionaryBatches(), ...footer.recordBatches()];
    return [
      [begin, end],
      ...blocks.map(({ offset, metaDataLength }): [number, number] => [offset, offset + metaDataLength]),
    ];
  };

  test.each([0x7fffffff, -1])(
    'in which any one word of what describes it is %i: it is read, or refused, and nothing is taken at its word',
    async (word) => {
      const folder = directory();
      write(join(folder, 'whole.arrow'), [tensor({})]);
      const whole = readFileSync(join(folder, 'whole.arrow'));
      const path = join(folder, 'changed.arrow');
      let refused = 0;
      for (const [begin, end] of flatbuffers(whole)) {
        for (let at = begin; at + 4 <= end; at += 4) {
          const bytes = Buffer.from(whole);
          bytes.writeInt32LE(word, at);
          writeFileSync(path, bytes);
          try {
            const dump = await openDump(path);
            try {
              for (const one of await all(dump.tensors())) {
                expect(one.values.length).toBe(one.positions.length * one.width);
              }
            } finally {
              await dump.close();
            }
          } catch (error) {
            expect(error, `byte ${at}: ${error}`).toMatchObject({
              name: 'DumpError',
              message: expect.not.stringMatching(/undefined|(at|to|values) NaN/),
            });
            refused++;
          }
        }
      }
      expect(refused).toBeGreaterThan(50);
    },
  );

  test.each<[string, (bytes: Buffer) => void, RegExp]>([
    [
      'two batches at one place',
      (bytes) => {
        const footer = Footer.decode(bytes.subarray(...(flatbuffers(bytes)[0] as [number, number])));
        const [first, second] = [...footer.recordBatches()].map(({ offset }) =>
          bytes.lastIndexOf(int64(BigInt(offset))),
        );
        bytes.copy(bytes, second as number, first as number, (first as number) + 24);
      },
      /record batch 0 of 2 and record batch 1 of 2 overlap at byte \d+/,
    ],
    [
      'a batch of 2⁴⁰ rows',
      (bytes) => replaceLong(bytes, 2, 3n, 1n << 40n),
      /record batch 0 of 2 is to have (1099511627776 rows|1099511627776 values)/,
    ],
    [
      'a body of more bytes than its block',
      (bytes) => {
        const footer = Footer.decode(bytes.subarray(...(flatbuffers(bytes)[0] as [number, number])));
        replaceLong(bytes, 2, BigInt(footer.getRecordBatch(0)?.bodyLength as number), 1n << 20n);
      },
      /record batch 0 of 2 says that its body has 1048576 bytes, and the footer says \d+/,
    ],
  ])('with %s', async (_, damage, says) => {
    const path = join(directory(), 'damaged.arrow');
    write(path, [tensor({}), tensor({ order: 1, layer: 0, stage: 'q_proj' }, 3, 8)]);
    const bytes = readFileSync(path);
    damage(bytes);
    writeFileSync(path, bytes);
    const read = async () => {
      const dump = await openDump(path);
      try {
        await all(dump.tensors());
      } finally {
        await dump.close();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'dump-damaged', message: expect.stringMatching(says) });
  });

  /** Puts another number in place of each of a kind, in one of the file's flatbuffers. */
  function replaceLong(bytes: Buffer, which: number, find: bigint, value: bigint): void {
    const [begin, end] = flatbuffers(bytes)[which] as [number, number];
    let count = 0;
    for (let at = begin; at + 8 <= end; at += 8) {
      if (bytes.readBigInt64LE(at) !== find) continue;
      bytes.writeBigInt64LE(value, at);
      count++;
    }
    expect(count).toBeGreaterThan(0);
  }

  test.each<[string, string, RegExp]>([
    ['producer', '7', /llama_probe\.producer must be .*"name".*; found 7\./],
    ['producer', '{"name": {}}', /llama_probe\.producer must be/],
    ['model', '[]', /llama_probe\.model must be .*; found \[\]\./],
    ['model', '{"layers": 1000000000}', /llama_probe\.model must be .*layers \(at most 4096\)/],
    ['shapes', '{"kq": "many"}', /llama_probe\.shapes must be/],
    ['shapes', 'null', /llama_probe\.shapes must be/],
    ['config', '"none"', /llama_probe\.config must be an object; found "none"\./],
  ])('whose %s is %s', async (key, value, says) => {
    const path = join(directory(), 'metadata.arrow');
    const table = new Table({ step: vectorFromArray([0], new Int32()) });
    table.schema.metadata
      .set('llama_probe.format', '1')
      .set('llama_probe.tokens', '[1]')
      .set(`llama_probe.${key}`, value);
    writeFileSync(path, RecordBatchFileWriter.writeAll(table).toUint8Array(true));
    await expect(openDump(path)).rejects.toMatchObject({ code: 'dump-format', message: expect.stringMatching(says) });
  });

  test('with a row that has no stage, or no number', async () => {
    const path = join(directory(), 'rows.arrow');
    const vectors = {
      step: vectorFromArray([0, 0, 0], new Int32()),
      order: vectorFromArray([0, 0, 0], new Int32()),
      layer: vectorFromArray([0, 0, 0], new Int32()),
      stage: vectorFromArray(['embd', 'embd', 'embd'], new Utf8()),
      token: vectorFromArray([0, 1, 2], new Int32()),
      values: vectorFromArray(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        new List(new Field('item', new Float32())),
      ),
    };
    const read = async (columns: object) => {
      const table = new Table(columns as typeof vectors);
      table.schema.metadata.set('llama_probe.format', '1').set('llama_probe.tokens', '[1, 5, 9]');
      writeFileSync(path, RecordBatchFileWriter.writeAll(table).toUint8Array(true));
      const dump = await openDump(path);
      try {
        return await all(dump.tensors());
      } finally {
        await dump.close();
      }
    };
    expect(await read(vectors)).toHaveLength(1);
    await expect(read({ ...vectors, stage: vectorFromArray(['embd', null, null], new Utf8()) })).rejects.toMatchObject({
      code: 'dump-damaged',
      message: expect.stringMatching(/a row's stage is missing/),
    });
    await expect(read({ ...vectors, token: vectorFromArray([0, null, 2], new Int32()) })).rejects.toMatchObject({
      code: 'dump-damaged',
      message: expect.stringMatching(/the column "token" has nothing in row 1; wanted a whole number/),
    });
  });

  test('a directory on a file system that takes none', () => {
    expect(() => new DumpWriter('/proc/llama-probe/a.arrow')).toThrow(/cannot be written/);
  });

  test('a path that cannot be written', () => {
    const folder = directory();
    writeFileSync(join(folder, 'file'), '');
    expect(() => new DumpWriter(join(folder, 'file', 'a.arrow'))).toThrow(/cannot be written \(E(NOTDIR|EXIST)\)/);
  });
});
