import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileWatch } from '../src/watch/file-watch.js';
import { watchedBy } from '../src/watch/watched.js';

let folder: string;
let files: FileWatch;
const signal = new AbortController().signal;

/** A dump, a folder of shaders, and what lies beside them. */
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'llama-probe-watch-')));
  for (const name of ['shaders/quant', 'other']) mkdirSync(at(name), { recursive: true });
  for (const name of ['a.arrow', 'shaders/rope.wgsl', 'shaders/quant/q4_k.wgsl']) writeFileSync(at(name), 'before');
  files = await FileWatch.open({ files: [at('a.arrow')], folders: [{ path: at('shaders'), ending: '.wgsl' }] });
});

afterEach(async () => {
  await files.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is told of until nothing has been for a while. */
async function told(): Promise<string[][]> {
  const all: string[][] = [];
  for (;;) {
    const next = await files.next(AbortSignal.timeout(1400));
    if (next.length === 0) return all;
    all.push(next);
  }
}

test('a file that is written in pieces is told of once, when it is whole', async () => {
  await files.close();
  const settled = 1000; // ms; a busy machine takes its time between two pieces
  files = await FileWatch.open({ files: [at('a.arrow')], folders: [] }, settled);
  let written = false;
  const first = files.next(signal).then((paths) => ({ paths, written }));
  for (let piece = 0; piece < 14; piece++) {
    appendFileSync(at('a.arrow'), 'piece');
    await sleep(100);
  }
  written = true;
  expect(await first).toEqual({ paths: [at('a.arrow')], written: true });
});

test('a file that is renamed into place, again and again', async () => {
  for (const content of ['one', 'another']) {
    writeFileSync(at('a.arrow.part'), content);
    renameSync(at('a.arrow.part'), at('a.arrow'));
    expect(await told()).toEqual([[at('a.arrow')]]);
  }
});

test('a file that is gone for a while is told of when it is back', async () => {
  rmSync(at('a.arrow'));
  expect(await told()).toEqual([]);
  writeFileSync(at('a.arrow'), 'back');
  expect(await told()).toEqual([[at('a.arrow')]]);
});

test('shaders that are saved together are told of together; new ones and those in folders too', async () => {
  for (const name of ['shaders/rope.wgsl', 'shaders/quant/q4_k.wgsl', 'shaders/new.wgsl'])
    writeFileSync(at(name), 'after');
  expect(await told()).toEqual([[at('shaders/new.wgsl'), at('shaders/quant/q4_k.wgsl'), at('shaders/rope.wgsl')]]);
});

test('what lies beside it does not count', async () => {
  for (const name of ['b.arrow', 'other/x.wgsl', 'shaders/.rope.wgsl.swp', 'shaders/rope.wgsl~'])
    writeFileSync(at(name), 'x');
  expect(await told()).toEqual([]);
});

test('a change that nobody waited for is not lost', async () => {
  writeFileSync(at('a.arrow'), 'after');
  await sleep(800);
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
