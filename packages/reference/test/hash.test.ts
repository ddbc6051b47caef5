import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { contentHash } from '../src/model/cache.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-hash-'));
vi.stubEnv('LLAMA_PROBE_CACHE', directory);
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

// below and above what is hashed in a thread of its own, and no multiple of what is read at once
test.each([1000, (17 << 20) + 1])('the hash of %i bytes in two parts is that of their content', async (bytes) => {
  const path = (part: number) => join(directory, `m${bytes}-0000${part}-of-00002.gguf`);
  const content = randomBytes(bytes);
  writeFileSync(path(1), content.subarray(0, bytes / 3));
  writeFileSync(path(2), content.subarray(bytes / 3));
  const said: string[] = [];
  const hashes = await Promise.all([1, 2].map(() => contentHash(path(1), undefined, (message) => said.push(message))));
  const right = createHash('sha256').update(content).digest('hex');
  expect(hashes).toEqual([right, right]);
  expect(said).toHaveLength(1); // both waited for one reading
  expect(await contentHash(path(1), undefined, (message) => said.push(message))).toBe(right);
  expect(said).toHaveLength(1);
});

test('who gives up takes nobody along who waits for the same hash, and leaves none behind', async () => {
  const path = join(directory, 'large.gguf');
  const content = randomBytes(40 << 20);
  writeFileSync(path, content);
  const before = readdirSync(join(directory, 'hashes')).length;
  const giving = new AbortController();
  const first = contentHash(path, giving.signal);
  const second = new Promise((resolve, reject) => setImmediate(() => contentHash(path).then(resolve, reject)));
  setTimeout(() => giving.abort(), 5);
  await expect(first).rejects.toThrow('aborted');
  expect(readdirSync(join(directory, 'hashes'))).toHaveLength(before);
  expect(await second).toBe(createHash('sha256').update(content).digest('hex'));
});

test('a file that is not there is said so', async () => {
  await expect(contentHash(join(directory, 'none.gguf'))).rejects.toThrow('ENOENT');
});
