import type { EventEmitter } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FileWatch } from '../src/watch/file-watch.js';
import { watchedBy } from '../src/watch/watched.js';

const signal = new AbortController().signal;
/** So long after the last write a change is told of by itself; here a test says when, since no machine keeps to a time. */
const NEVER = 24 * 3600 * 1000;
const timers = vi.spyOn(globalThis, 'setTimeout');

let folder: string;
let files: FileWatch;

/** A dump, a folder of shaders, and what lies beside them. */
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'llama-probe-watch-')));
  for (const name of ['shaders/quant', 'other']) mkdirSync(at(name), { recursive: true });
  for (const name of ['a.arrow', 'shaders/rope.wgsl', 'shaders/quant/q4_k.wgsl']) writeFileSync(at(name), 'before');
  const about = { files: [at('a.arrow')], folders: [{ path: at('shaders'), ending: '.wgsl' }] };
  files = await FileWatch.open(about, NEVER);
});

afterEach(async () => {
  await files.close();
  timers.mockClear();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

const inner = () => files as unknown as { changed: ReadonlySet<string>; watcher: EventEmitter };

/** What has been noted and not told of. */
const noted = (): string[] => [...inner().changed].sort();
const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 50_000, interval: 5 });
const seen = (...names: string[]) => until(() => names.every((name) => noted().includes(at(name))));

/** The timers that were set after a write; only the last one has not been taken back. */
const settling = () =>
  timers.mock.calls.flatMap(([call, ms], i) => (ms === NEVER ? [{ call, timer: timers.mock.results[i]?.value }] : []));

/** Nothing has been written for long enough. */
function settle(): void {
  const last = settling().at(-1) as { call: () => void; timer: NodeJS.Timeout };
  clearTimeout(last.timer);
  last.call();
}

test('a file that is written in pieces is told of once, when it is whole', async () => {
  const cleared = vi.spyOn(globalThis, 'clearTimeout');
  let told = false;
  const first = files.next(signal).then((paths) => {
    told = true;
    return paths;
  });
  for (let piece = 0; piece < 5; piece++) {
    const before = settling().length;
    // Two pieces within 5 ms are one event.
    for (; settling().length === before; await new Promise((resolve) => setTimeout(resolve, 20)))
      appendFileSync(at('a.arrow'), 'piece');
  }
  expect(told).toBe(false);
  const taken = cleared.mock.calls.map(([timer]) => timer);
  for (const { timer } of settling().slice(0, -1)) expect(taken).toContain(timer);
  cleared.mockRestore();
  settle();
  expect(await first).toEqual([at('a.arrow')]);
});

test('a file that is renamed into place, again and again', async () => {
  for (const content of ['one', 'another']) {
    // What comes within 100 ms of the last is the same change to chokidar.
    for (; noted().length === 0; await new Promise((resolve) => setTimeout(resolve, 200))) {
      writeFileSync(at('a.arrow.part'), content);
      renameSync(at('a.arrow.part'), at('a.arrow'));
    }
    settle();
    expect(await files.next(signal)).toEqual([at('a.arrow')]);
  }
});

test('a file that is gone for a while is told of when it is back', async () => {
  const gone = new Promise((resolve) => inner().watcher.once('unlink', resolve));
  rmSync(at('a.arrow'));
  expect(await gone).toBe(at('a.arrow'));
  expect(noted()).toEqual([]);
  writeFileSync(at('a.arrow'), 'back');
  await seen('a.arrow');
  settle();
  expect(await files.next(signal)).toEqual([at('a.arrow')]);
});

test('shaders that are saved together are told of together; new ones and those in folders too', async () => {
  const names = ['shaders/new.wgsl', 'shaders/quant/q4_k.wgsl', 'shaders/rope.wgsl'];
  for (const name of names) writeFileSync(at(name), 'after');
  await seen(...names);
  settle();
  expect(await files.next(signal)).toEqual(names.map(at));
});

test('what lies beside it does not count', async () => {
  for (const name of ['b.arrow', 'other/x.wgsl', 'shaders/.rope.wgsl.swp', 'shaders/rope.wgsl~'])
    writeFileSync(at(name), 'x');
  // Those that count come after them.
  for (const name of ['a.arrow', 'shaders/rope.wgsl']) writeFileSync(at(name), 'after');
  await seen('a.arrow', 'shaders/rope.wgsl');
  expect(noted()).toEqual([at('a.arrow'), at('shaders/rope.wgsl')]);
});

test('a change that nobody waited for is not lost', async () => {
  writeFileSync(at('a.arrow'), 'after');
  await seen('a.arrow');
  settle();
  let called = false;
  files.onChange(() => {
    called = true;
  });
  expect(called).toBe(true);
  expect(await files.next(signal)).toEqual([at('a.arrow')]);
});

test('a job depends on what it reads', () => {
  const about = watchedBy({
    command: 'diff',
    candidate: 'a.arrow',
    reference: '/r.arrow',
    options: { model: 'm.gguf' },
  });
  expect(about).toEqual({
    files: [join(process.cwd(), 'a.arrow'), '/r.arrow', join(process.cwd(), 'm.gguf')],
    folders: [],
  });
  const options = { steps: 0, adapter: 'auto', reference: 'auto', promptFile: '/prompt.txt' } as const;
  const { files: read, folders } = watchedBy({ command: 'compare', options });
  expect(read).toEqual(['/prompt.txt']);
  expect(folders).toEqual([{ path: expect.stringMatching(/shaders\/?$/), ending: '.wgsl' }]);
});
