import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '@llama-probe/testing';
import { afterAll, expect, test } from 'vitest';
import { ReadAhead } from '../src/arrow/read-ahead.js';

const folder = mkdtempSync(join(tmpdir(), 'read-ahead-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** More than two windows. */
const SIZE = 600_000;

test('bytes are those of the file: across the end of a window, longer than one, back again, and to the end of the file', async () => {
  const random = randomFrom(3);
  const bytes = Uint8Array.from({ length: SIZE }, () => Math.floor(256 * random()));
  const path = join(folder, 'bytes');
  writeFileSync(path, bytes);
  const file = await open(path);
  let reads = 0;
  const counted = {
    get fd() {
      reads++;
      return file.fd;
    },
  };
  const ahead = new ReadAhead(counted as unknown as typeof file);
  reads = 0;
  const read = async (position: number, length: number) => {
    const into = new Uint8Array(length + 7).fill(99);
    const { bytesRead } = await ahead.read(into, 5, length, position);
    const wanted = bytes.subarray(position, position + length);
    expect(bytesRead).toBe(wanted.length);
    expect(Buffer.compare(into.subarray(5, 5 + bytesRead), wanted)).toBe(0);
    expect([...into.subarray(0, 5), ...into.subarray(5 + length)]).toEqual(Array(7).fill(99));
  };
  for (let at = 0; at < 2000; at += 4) await read(at, 4);
  expect(reads).toBe(1);
  for (const [position, length] of [
    [262_100, 200], // the end of the first window
    [262_300, 8],
    [262_308, 300_000], // longer than one
    [562_308, 4],
    [10, 432], // back
    [SIZE - 6, 20],
    [SIZE, 4],
  ] as const) {
    await read(position, length);
  }
  await file.close();
});

test('what is longer than is read at once is read in a thread', async () => {
  const bytes = Buffer.alloc(9 << 20, 'as it is in the file');
  const path = join(folder, 'long');
  writeFileSync(path, bytes);
  const file = await open(path);
  const into = Buffer.alloc(bytes.length - 3);
  expect((await new ReadAhead(file).read(into, 0, into.length, 3)).bytesRead).toBe(into.length);
  expect(into.equals(bytes.subarray(3))).toBe(true);
  await file.close();
});

test('a file that was closed is not read, whatever has its number by then', async () => {
  const path = join(folder, 'closed');
  writeFileSync(path, 'closed');
  const file = await open(path);
  const ahead = new ReadAhead(file);
  await file.close();
  const other = await open(path);
  await expect(ahead.read(new Uint8Array(4), 0, 4, 0)).rejects.toThrow();
  await other.close();
});
