import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect as all, seeded } from '@llama-probe/testing';
import { Binary, Int32, RecordBatchFileWriter, Table, Utf8, vectorFromArray } from 'apache-arrow';
import pl from 'nodejs-polars';
import { afterAll, describe, expect, test } from 'vitest';
import { DigestWriter, type Dump, digestOf, openDump, rowDigest, type Tensor } from '../src/index.js';

const random = seeded();
const root = mkdtempSync(join(tmpdir(), 'llama-probe-digest-'));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;
const newPath = () => join(root, `${made++}.arrow`);
const METADATA = { producer: { name: 'test', version: '1' }, tokens: [1, 5, 9] };
const HEADS = 2;

const tensor = (order: number, layer: number | null, stage: string, width: number, rows = 3, step = 0): Tensor => ({
  step,
  order,
  layer,
  stage,
  positions: Int32Array.from({ length: rows }, (_, row) => row + step),
  width,
  values: Float32Array.from({ length: rows * width }, () => random() - 0.5),
});
const SAMPLE = [
  tensor(0, null, 'embd', 5),
  tensor(1, 0, 'kq', 3 * HEADS),
  tensor(2, 1, 'a_node_of_theirs', 1),
  tensor(3, null, 'result_output', 7, 1, 2),
];

function write(tensors = SAMPLE): string {
  const path = newPath();
  const writer = new DigestWriter(path, HEADS);
  for (const one of tensors) writer.write(one);
  writer.close({ ...METADATA, floors: { method: 'none', margin: 1, minimum: 0, stages: {} } });
  return path;
}

/** Its hashes, or its tensors where it has none. */
const rowsOf = async (dump: Dump) => (dump.digests ? all(dump.digests()) : all(dump.tensors()));

const ofBits = (...bits: number[]) => new Float32Array(Uint32Array.from(bits).buffer);

describe('a digest', () => {
  test('is the first half of SHA-256 of little-endian float32, as docs/dump-format.md has it', () => {
    const bytes = Buffer.alloc(12);
    bytes.writeFloatLE(1, 0);
    bytes.writeFloatLE(-0, 4);
    bytes.writeUInt32LE(0x7fc00000, 8);
    const digest = rowDigest(Float32Array.of(1, -0, Number.NaN));
    expect(digest).toBe(createHash('sha256').update(bytes).digest('hex').slice(0, 32));
    expect(readFileSync(new URL('../../../docs/dump-format.md', import.meta.url), 'utf8')).toContain(digest);
  });

  test('is another one for -0, an infinity, and the last bit; and the same for every NaN', () => {
    const rows = [ofBits(0), ofBits(0x80000000), ofBits(1), ofBits(0x7f800000), ofBits(0x7fc00000)];
    expect(new Set(rows.map(rowDigest)).size).toBe(rows.length);
    const nans = [0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff].map((bits) => ofBits(0x3f800000, bits, 5));
    expect(new Set(nans.map(rowDigest)).size).toBe(1);
    expect(nans[1]).toEqual(ofBits(0x3f800000, 0xffc00000, 5)); // and nobody's row is written to
  });

  test('of scores has what a mask shows, where it is known how many heads there are', () => {
    const scores = tensor(0, 0, 'kq', 3 * HEADS);
    const other = { ...scores, values: scores.values.map((value, i) => (i === 2 || i === 5 ? Number.NaN : value)) }; // token 0, position 2
    expect(digestOf(other, HEADS)).toEqual(digestOf(scores, HEADS));
    expect(digestOf(other, undefined).digests[0]).not.toBe(digestOf(scores, undefined).digests[0]);
    expect(digestOf(scores, HEADS).digests[2]).toBe(digestOf(scores, undefined).digests[2]);
    const longer = { ...scores, width: 4 * HEADS, values: new Float32Array(3 * 4 * HEADS) };
    for (let i = 0; i < 3 * HEADS; i++) longer.values.set(scores.values.subarray(i * 3, i * 3 + 3), i * 4);
    expect(digestOf(longer, HEADS).digests).toEqual(digestOf(scores, HEADS).digests);
  });
});

describe('a file of digests', () => {
  test('comes back as what the tensors have', async () => {
    const dump = await openDump(write());
    expect(dump.metadata).toEqual({ ...METADATA, digest: { hash: 'sha256', bytes: 16, heads: HEADS } });
    expect(await rowsOf(dump)).toEqual(SAMPLE.map((one) => digestOf(one, HEADS)));
    await dump.close();
  });

  test('is read by an Arrow reader that nobody here wrote', () => {
    const frame = pl.readIPC(readFileSync(write()));
    expect(frame.columns).toEqual(['step', 'order', 'layer', 'stage', 'token', 'width', 'digest']);
    expect(frame.height).toBe(10);
    expect(frame.select('stage', 'layer', 'token', 'width').row(4)).toEqual(['kq', 0, 1, 6]);
  });

  test('takes 40 bytes a row, however wide it is', () => {
    const sizeOf = (rows: number) => {
      const writer = new DigestWriter(newPath(), HEADS);
      for (let layer = 0; layer < 20; layer++) writer.write(tensor(layer, layer, 'l_out', 100, rows));
      writer.close(METADATA);
      expect(statSync(writer.path).size).toBe(writer.bytes);
      return writer.bytes;
    };
    expect((sizeOf(200) - sizeOf(100)) / (20 * 100)).toBeLessThan(41);
  });

  const columns = (digests: (Uint8Array | null)[]) => ({
    step: vectorFromArray([0, 0], new Int32()),
    order: vectorFromArray([0, 0], new Int32()),
    layer: vectorFromArray([null, null], new Int32()),
    stage: vectorFromArray(['embd', 'embd'], new Utf8()),
    token: vectorFromArray([0, 1], new Int32()),
    width: vectorFromArray([5, 5], new Int32()),
    digest: vectorFromArray(digests, new Binary()),
  });
  const foreign = (written: Record<string, import('apache-arrow').Vector>, digest?: string) => {
    const path = newPath();
    const table = new Table(written);
    table.schema.metadata.set('llama_probe.format', '1').set('llama_probe.tokens', '[1, 5]');
    if (digest) table.schema.metadata.set('llama_probe.digest', digest);
    writeFileSync(path, RecordBatchFileWriter.writeAll(table).toUint8Array(true));
    return path;
  };
  const SHA = '{"hash": "sha256", "bytes": 16}';
  const HASHES = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const read = async (path: string) => {
    const dump = await openDump(path);
    try {
      return await rowsOf(dump);
    } finally {
      await dump.close();
    }
  };

  test('may have them as binary of any length, which is 16', async () => {
    const rows = await read(foreign(columns(HASHES), SHA));
    expect(rows).toMatchObject([{ stage: 'embd', width: 5, digests: ['01'.repeat(16), '02'.repeat(16)] }]);
  });

  test.each<[string, () => string, RegExp]>([
    [
      'a hash too short',
      () => foreign(columns([Buffer.alloc(16), Buffer.alloc(15)]), SHA),
      /"digest" has 15 bytes in row 1; wanted 16/,
    ],
    ['no hash', () => foreign(columns([Buffer.alloc(16), null]), SHA), /"digest" has nothing in row 1; wanted 16/],
    [
      'text',
      () => foreign({ ...columns(HASHES), digest: vectorFromArray(['a', 'b'], new Utf8()) }, SHA),
      /the column "digest" is Utf8; wanted binary of 16 bytes/,
    ],
    [
      'another hash',
      () => foreign(columns(HASHES), '{"hash": "md5", "bytes": 16}'),
      /llama_probe\.digest must be .*sha256.*; found .*md5/,
    ],
    [
      'nothing that says which',
      () => foreign(columns(HASHES)),
      /"values" is missing; .* or llama_probe\.digest in the metadata/,
    ],
  ])('with %s is refused', async (_, path, says) => {
    await expect(read(path())).rejects.toMatchObject({ name: 'DumpError', message: expect.stringMatching(says) });
  });

  test('of which some words are wrong is read or refused, and nothing is taken at its word', async () => {
    const whole = readFileSync(write(SAMPLE.slice(0, 1)));
    const path = newPath();
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const bytes = Buffer.from(whole);
      const at = 4 * Math.floor((random() * whole.length) / 4);
      bytes.writeInt32LE(i % 2 === 0 ? 0x7fffffff : -1, Math.min(at, whole.length - 4));
      writeFileSync(path, bytes);
      try {
        for (const one of await read(path)) expect(one).toMatchObject({ positions: expect.any(Int32Array) });
      } catch (error) {
        expect(error, `byte ${at}: ${error}`).toMatchObject({ name: 'DumpError' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10);
  });
});
