import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepProcesses } from '../src/process/lease.js';
import { openReference, type Reference, type RunOptions } from '../src/reference.js';
import { writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-keep-'));
afterAll(() => rmSync(directory, { recursive: true }));
const model = writeTinyModel(join(directory, 'tiny.gguf'));
const broken = writeTinyModel(join(directory, 'broken.gguf'), { byteTokens: false });
const TOKENS = [1, 5, 6];

const native = (path = model) => openReference({ model: path, mode: 'native' });

async function valuesOf(reference: Reference, options: Partial<RunOptions> = {}): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for await (const tensor of reference.run({ tokens: TOKENS, steps: 1, stages: 'all', ...options }).tensors)
    values.set(`${tensor.step}/${tensor.layer}/${tensor.stage}`, tensor.values);
  return values;
}

function isAlive(pid: number | undefined): boolean {
  try {
    return process.kill(pid as number, 0);
  } catch {
    return false;
  }
}

describe('processes that are kept', () => {
  let stop: () => Promise<void>;
  beforeEach(() => {
    stop = keepProcesses();
  });
  afterEach(() => stop());

  test('one that has done its work does the next, and what it computes is what a new one does', async () => {
    const exact = () => openReference({ model, mode: 'exact', exactBy: 'block' });
    const fresh = { native: await native(), exact: await exact() };
    const wanted = { native: await valuesOf(fresh.native), exact: await valuesOf(fresh.exact) };
    await fresh.exact.close();
    await fresh.native.close();
    for (const [open, values] of [
      [exact, wanted.exact],
      [native, wanted.native],
      [exact, wanted.exact],
    ] as const) {
      const again = await open();
      expect(again.pid).toBe(fresh.native.pid); // the last that was left
      expect(await valuesOf(again)).toEqual(values);
      await again.close();
    }
    expect(isAlive(fresh.exact.pid)).toBe(true);
    await stop();
    expect([fresh.native.pid, fresh.exact.pid].map(isAlive)).toEqual([false, false]);
  });

  test('rows to go on from are those of the own run, whoever had the process before', async () => {
    const first = await native();
    const plain = await valuesOf(first, { steps: 0 });
    const wanted = await valuesOf(first, { steps: 0, from: halved(plain) });
    expect(wanted.get('0/null/result_output')).not.toEqual(plain.get('0/null/result_output'));
    await first.close();
    const second = await native();
    await valuesOf(second, { steps: 0, from: halved(plain) });
    await second.close();
    const third = await native();
    expect(third.pid).toBe(second.pid);
    expect(await valuesOf(third, { steps: 0, from: halved(plain) })).toEqual(wanted);
    await third.close();
  });

  test('whoever closed it has it no more', async () => {
    const first = await native();
    await first.close();
    const second = await native();
    expect(second.pid).toBe(first.pid);
    await expect(first.tokenize('a')).rejects.toMatchObject({ code: 'llama-closed' });
    await first.close();
    expect(await second.tokenize('a')).not.toEqual([]);
    await second.close();
  });

  test('a signal of who had it ends nothing, and that of who has it does', async () => {
    const [before, now] = [new AbortController(), new AbortController()];
    const first = await openReference({ model, mode: 'native', signal: before.signal });
    await first.close();
    const second = await openReference({ model, mode: 'native', signal: now.signal });
    expect(second.pid).toBe(first.pid);
    before.abort();
    expect(await second.tokenize('a')).not.toEqual([]);
    now.abort();
    await expect(second.tokenize('a')).rejects.toMatchObject({ name: 'AbortError' });
    await second.close();
    const third = await native();
    expect(third.pid).not.toBe(first.pid);
    await third.close();
  });

  test('not where something failed in it, where a run is not read, or with another environment', async () => {
    const failed = await native();
    await expect(failed.run({ tokens: [] }).result).rejects.toThrow();
    const unread = await native();
    unread.run({ tokens: TOKENS, stages: 'all', steps: 400 });
    const crashed = await native(broken);
    await expect(crashed.tokenize('hello\nworld')).rejects.toMatchObject({ code: 'llama-crashed' });
    for (const one of [failed, unread, crashed]) await one.close();
    expect([failed, unread, crashed].map(({ pid }) => isAlive(pid))).toEqual([false, false, false]);

    const sound = await native();
    await sound.close();
    const within = async (name: string) => {
      process.env[name] = '1';
      const other = await native();
      delete process.env[name];
      await other.close();
      return other.pid;
    };
    expect(await within('GGML_OF_THIS_TEST')).not.toBe(sound.pid);
    expect(await within('LLAMA_PROBE_OF_THIS_TEST')).toBe(sound.pid); // it does not read that
  });
});

/** What the first block begins with, half of it. */
async function* halved(values: ReadonlyMap<string, Float32Array>) {
  const rows = (values.get('0/null/embd') as Float32Array).map((x) => x / 2);
  const positions = Int32Array.from(TOKENS, (_, i) => i);
  yield { step: 0, layer: null, stage: 'embd', order: 0, positions, width: rows.length / TOKENS.length, values: rows };
}

test.each([
  ['waits for the end of what it kept', 'await stop();'],
  ['keeps them to its end', ''],
])('a program that %s comes to it', async (_, last) => {
  const [reference, lease] = ['index.js', 'process/lease.js'].map(
    (name) => new URL(`../dist/${name}`, import.meta.url),
  );
  const program = `
    import { openReference } from ${JSON.stringify(reference?.href)};
    import { keepProcesses } from ${JSON.stringify(lease?.href)};
    const stop = keepProcesses();
    const reference = await openReference({ model: ${JSON.stringify(model)}, mode: 'native' });
    await reference.close();
    ${last}
    console.log('the end');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  expect({ code, output }).toEqual({ code: 0, output: 'the end\n' });
});
