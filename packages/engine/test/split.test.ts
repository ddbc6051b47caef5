import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type GgufParts,
  i32,
  randomFrom,
  type Split,
  splitGguf,
  splitNames,
  tinyLlama,
  u16,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openGguf } from '../src/gguf.js';
import { TensorFiles } from '../src/tensor-files.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-split-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sizes = { layers: 2, embd: 6, heads: 2, kvHeads: 1, headDim: 4, ff: 5, vocab: 7, context: 16 };
const { bytes } = writeGguf(tinyLlama(sizes, randomFrom(1)));
const count = tinyLlama(sizes, randomFrom(1)).tensors.length;

/** The parts, in a folder of their own: none of the tensors in the first, as llama.cpp's --no-tensor-first-split writes it. */
let made = 0;
function parts(change?: Split['change']): string[] {
  const here = join(folder, `with space ${++made}`);
  mkdirSync(here);
  const files = splitGguf(bytes, { tensors: [0, 5], ...(change && { change }) });
  return splitNames('a model', files.length).map((name, no) => {
    writeFileSync(join(here, name), files[no] as Buffer);
    return join(here, name);
  });
}

const changed =
  (which: number, key: string, value: GgufParts['metadata'][string] | undefined): Split['change'] =>
  (part, no) => {
    if (no !== which) return;
    if (value) part.metadata[key] = value;
    else delete part.metadata[key];
  };

describe('a split model', () => {
  test('is the whole one, whichever part is given', async () => {
    const path = join(folder, 'whole.gguf');
    writeFileSync(path, bytes);
    const whole = await openGguf(path);
    const paths = parts();
    const files = new TensorFiles();
    for (const given of paths) {
      const file = await openGguf(given);
      expect(file.path).toBe(paths[0]);
      expect(file.bytes).toBe(paths.reduce((sum, part) => sum + readFileSync(part).length, 0));
      expect(file.metadata).toMatchObject(keysOf(whole.metadata));
      expect([...file.tensors.keys()]).toEqual([...whole.tensors.keys()]);
      for (const [name, tensor] of file.tensors) {
        const [here, there] = [new Uint8Array(tensor.bytes), new Uint8Array(tensor.bytes)];
        await files.read(tensor, here);
        await files.read(whole.tensors.get(name) as typeof tensor, there);
        expect(here, name).toEqual(there);
      }
    }
    await files.close();
  });

  test('of one part is a file as any other, under any name', async () => {
    const one = tinyLlama(sizes, randomFrom(1));
    const path = join(folder, 'one.gguf');
    writeFileSync(
      path,
      writeGguf({ ...one, metadata: { ...one.metadata, 'split.no': u16(0), 'split.count': u16(1) } }).bytes,
    );
    expect((await openGguf(path)).tensors.size).toBe(count);
  });

  test.each<[string, Split['change'], string[]]>([
    [
      'has a part of another model',
      changed(2, 'split.tensors.count', i32(99)),
      ['00003-of', 'a model of 99 tensors', 'of another model'],
    ],
    [
      'has a part that is none',
      changed(1, 'split.count', undefined),
      ['00002-of', 'is no part of a split model', 'part 2 of 3 by its name'],
    ],
    [
      'has a part of another place',
      changed(1, 'split.no', u16(2)),
      ['00002-of', 'is part 3 of 3 by its metadata, and part 2 of 3 by its name'],
    ],
    ['has a part of more files', changed(2, 'split.count', u16(4)), ['00003-of', 'is part 3 of 4 by its metadata']],
    [
      'has too few tensors',
      (part, no) => no === 2 && part.tensors.pop(),
      ['00001-of', `${count - 1} tensors together, and split.tensors.count is ${count}`],
    ],
    [
      'has a tensor twice',
      (part, no) =>
        no === 2 && part.tensors.push({ name: 'token_embd.weight', type: 0, shape: [6, 7], data: new Uint8Array(168) }),
      ['00003-of', 'token_embd.weight is in a model-00002-of-00003.gguf, too'],
    ],
  ])('that %s', async (_, change, says) => {
    const [first] = parts(change) as [string];
    await expectSplit(openGguf(first), ...says);
  });

  test('of which a part is missing, or has another name', async () => {
    const [first, second, third] = parts() as [string, string, string];
    rmSync(third);
    await expectSplit(openGguf(second), third, 'no such file', `${basename(second)} is part 2 of a model in 3 files`);
    for (const name of ['mine.gguf', 'a model-00003-of-00003.gguf']) {
      const renamed = join(folder, name);
      renameSync(second, renamed);
      const wanted = name === 'mine.gguf' ? 'mine-00002-of-00003.gguf' : 'a model-00002-of-00003.gguf';
      await expectSplit(openGguf(renamed), renamed, 'is part 2 of 3 by its metadata', `wanted ${wanted}`, '--merge');
      renameSync(renamed, second);
    }
    rmSync(first);
    await expectSplit(openGguf(second), first, '(and 1 more)');
  });

  test('whose numbers make no sense', async () => {
    const [first] = parts(changed(0, 'split.no', u16(3))) as [string];
    await expect(openGguf(first)).rejects.toMatchObject({
      code: 'model-damaged',
      message: expect.stringContaining('split.no is 3'),
    });
  });
});

/** Those of the file, and not what its reader counts. */
const keysOf = (metadata: object) => Object.fromEntries(Object.entries(metadata).filter(([key]) => key.includes('.')));

async function expectSplit(opening: Promise<unknown>, ...says: string[]): Promise<void> {
  const error: Error = await opening.then(
    () => expect.unreachable(),
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: 'model-split' });
  for (const words of says) expect(error.message).toContain(words);
}
