import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '@llama-probe/comparison/ask';
import { afterAll, describe, expect, test } from 'vitest';
import { type OutputOptions, takesStdout } from '../src/outputs.js';
import { withReporter } from '../src/reporter.js';
import { checkOutputs, writeOutputs } from '../src/write-outputs.js';
import { finding } from './support/findings.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-reporter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made = 0;
const module = (content: string, ending = 'mjs'): string => {
  const path = join(folder, `${++made}.${ending}`);
  writeFileSync(path, content);
  return path;
};

/** What is printed, with what the command does before and after a run. */
async function printed(reporter: string, others: OutputOptions = {}): Promise<(string | Uint8Array)[]> {
  const options = await withReporter({ ...others, reporter });
  checkOutputs(options);
  const said: (string | Uint8Array)[] = [];
  await writeOutputs([finding(), finding()], options, (content) => said.push(content));
  return said;
}

describe('a reporter', () => {
  test('of a function: what it returns is printed', async () => {
    expect(await printed(module('export default (outcomes) => outcomes.length + " runs";'))).toEqual(['2 runs']);
    expect(await printed(module('export default async () => new Uint8Array([1, 2]);'))).toEqual([
      new Uint8Array([1, 2]),
    ]);
  });

  test('in TypeScript', async () => {
    const path = module('export default ((all: readonly { name: string }[]): string => all[0]!.name);', 'ts');
    expect(await printed(path)).toEqual(['model.gguf, 3 tokens']);
  });

  test('with a file: it is written, and standard output is free', async () => {
    const file = join(folder, 'out.txt');
    const path = module(
      `export default { text: 'mine', file: ${JSON.stringify(file)}, report() { return this.text; } };`,
    );
    expect(takesStdout(await withReporter({ reporter: path }))).toBe(false);
    expect(await printed(path)).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('that prints something does not print it on standard output', async () => {
    const { write } = process.stdout;
    const said: unknown[] = [];
    process.stdout.write = ((text: unknown) => said.push(text) > 0) as typeof write;
    try {
      await printed(
        module('process.stdout.write("a"); export default () => { process.stdout.write("b"); return "c"; };'),
      );
    } finally {
      process.stdout.write = write;
    }
    expect(said).toEqual([]);
  });
});

describe('a mistake in a reporter is told in one line', () => {
  test.each<[string, () => string, RegExp]>([
    ['no name', () => '', /^--reporter: the name is empty; wanted a module such as/],
    ['no file', () => join(folder, 'no.ts'), /no\.ts does not exist; wanted a module/],
    ['a folder', () => folder, /is a folder; wanted a module/],
    ['another ending', () => module('', 'py'), /has another ending than \.ts, .*; wanted/],
    ['no default export', () => module('export const x = 1;'), /has no default export; wanted export default/],
    [
      'a default export that is none of both',
      () => module('export default 1;'),
      /its default export is a number without report/,
    ],
    ['no function', () => module('export default { report: 1 };'), /is an object without report\(outcomes\); wanted/],
    [
      'a file that is no name',
      () => module('export default { report() {}, file: 1 };'),
      /its file is a number; wanted/,
    ],
    ['a syntax error', () => module('export default {'), /cannot be read: .*Mend the file\./],
    ['its own file', () => join(folder, 'own.mjs'), /own\.mjs is a file that this command itself reads or keeps/],
    ['a throw', () => module('export default () => { throw new Error("oh no\\nmore"); };'), /threw: oh no\. Mend it; /],
    ['a throw of nothing', () => module('export default () => { throw null; };'), /threw: null\. Mend it/],
    ['nothing returned', () => module('export default () => {};'), /returned undefined; wanted a text, or bytes/],
  ])('%s', async (_, path, message) => {
    const own = join(folder, 'own.mjs');
    writeFileSync(own, `export default { report() {}, file: ${JSON.stringify(own)} };`);
    const error = await printed(path()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });

  test('two on standard output', async () => {
    const reporter = module('export default () => "";');
    await expect(printed(reporter, { csv: '-' })).rejects.toThrow(
      '--csv and --reporter both write to standard output; give one of them another file.',
    );
  });

  test('the other outputs are written all the same', async () => {
    const csv = join(folder, 'stages.csv');
    await expect(printed(module('export default () => { throw 1; };'), { csv })).rejects.toThrow('threw: 1.');
    expect(readFileSync(csv, 'utf8').split('\n')).toHaveLength(6);
  });
});
