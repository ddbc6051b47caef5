import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Tensor } from '@llama-probe/dump';
import { inShort } from '@llama-probe/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import './support/kept.js';
import { cachedModels, clearCache } from '../src/model/cache-room.js';
import { exactModelBytes, quantizeModel } from '../src/model/quantize.js';
import { inspectModel, openReference, type ReferenceMode } from '../src/reference.js';
import { writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-quantize-'));
const model = join(directory, 'tiny.gguf');
let caches = 0;
const models = () => {
  const at = join(process.env.LLAMA_PROBE_CACHE as string, 'models');
  return existsSync(at) ? readdirSync(at).filter((name) => !name.endsWith('.sha256')) : [];
};

beforeAll(() => {
  // rows of 256, or K-quants fall back
  writeTinyModel(model, { embd: 256, heads: 8, kvHeads: 4, ff: 512 });
});
beforeEach(() => {
  vi.stubEnv('LLAMA_PROBE_CACHE', join(directory, `cache-${caches++}`));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

describe('quantising', () => {
  const types = [
    'F32',
    'F16',
    'BF16',
    'Q8_0',
    'Q4_0',
    'Q4_1',
    'Q5_0',
    'Q5_1',
    'Q4_K',
    'Q5_K',
    'Q6_K',
    'Q4_K_M',
    'Q5_K_M',
  ];
  test.each(inShort(types, 2))('%s is what it is called', async (type) => {
    const path = await quantizeModel({ model, type });
    expect(basename(path)).toMatch(new RegExp(`^tiny-[0-9a-f]{16}-${type}-v0\\.5\\.0\\.gguf$`));
    expect((await inspectModel({ model: path })).quantization).toBe(type);
    expect(models()).toEqual([basename(path)]);
  });

  test('happens once for the same content, whatever it is called, and again for another', async () => {
    const first = await quantizeModel({ model, type: 'q4_k' });
    const { mtimeMs } = statSync(first);
    const renamed = join(directory, 'sub.gguf');
    expect(await quantizeModel({ model, type: 'Q4_K' })).toBe(first);
    expect(statSync(first).mtimeMs).toBe(mtimeMs);
    copyFileSync(model, renamed);
    const again = await quantizeModel({ model: renamed, type: 'Q4_K' });
    expect(basename(again).slice(4)).toBe(basename(first).slice(5));
    writeTinyModel(renamed, { embd: 256, heads: 4, kvHeads: 4 });
    expect(await quantizeModel({ model: renamed, type: 'Q4_K' })).not.toBe(again);
  });

  test('of weights that are no numbers says so, and what tells which', async () => {
    const damaged = join(directory, 'damaged.gguf');
    writeTinyModel(damaged);
    const bytes = readFileSync(damaged);
    bytes.writeFloatLE(Number.NaN, bytes.length - 64); // of the last tensor
    writeFileSync(damaged, bytes);
    await expect(quantizeModel({ model: damaged, type: 'F32' })).rejects.toThrow(
      /tensor '\S+' has invalid data\nWeights of the file are NaN or infinite.*probe weights --model \S+damaged\.gguf says/,
    );
  });

  test('rows that the type does not divide fall back', async () => {
    const narrow = writeTinyModel(join(directory, 'narrow.gguf'));
    const path = await quantizeModel({ model: narrow, type: 'Q4_K' });
    expect(statSync(path).size).toBeLessThan(statSync(narrow).size / 3);
    expect((await inspectModel({ model: path })).parameters).toBe((await inspectModel({ model: narrow })).parameters);
  });

  test('of a quantised file is possible, and progress is told', async () => {
    const messages: string[] = [];
    const path = await quantizeModel({
      model: await quantizeModel({ model, type: 'Q8_0' }),
      type: 'Q4_0',
      onProgress: (message) => messages.push(message),
    });
    expect(existsSync(path)).toBe(true);
    expect(messages).toContain('making Q4_0: tensor 1 of 21');
  });

  test('to a type for which llama.cpp wants an importance matrix is possible', async () => {
    const model = writeTinyModel(join(directory, 'small.gguf'), {
      embd: 256,
      heads: 8,
      kvHeads: 4,
      ff: 256,
      layers: 1,
    });
    const messages: string[] = [];
    const path = await quantizeModel({ model, type: 'IQ2_XXS', onProgress: (message) => messages.push(message) });
    expect(messages).toContain(
      'IQ2_XXS wants an importance matrix: every column is taken for as important as the others',
    );
    expect((await inspectModel({ model: path })).quantization).toBe('IQ2_XXS');
    expect(statSync(path).size).toBeLessThan(statSync(await quantizeModel({ model, type: 'IQ4_XS' })).size);
  });

  test('to an unknown type is refused', async () => {
    await expect(quantizeModel({ model, type: 'Q9_X' })).rejects.toMatchObject({
      code: 'quantize-type',
      message: expect.stringMatching(/"Q9_X".*Q4_K_M/),
    });
    expect(models()).toEqual([]);
  });

  test('that is interrupted leaves nothing', async () => {
    const abort = new AbortController();
    const making = quantizeModel({
      model,
      type: 'IQ2_XXS', // which takes long
      signal: abort.signal,
      onProgress: (message) => /tensor 3 /.test(message) && abort.abort(),
    });
    await expect(making).rejects.toMatchObject({ name: 'AbortError' });
    expect(models()).toEqual([]);
  });

  test('removes what a killed process left, and not what a living one is writing', async () => {
    await quantizeModel({ model, type: 'Q8_0' });
    const at = join(process.env.LLAMA_PROBE_CACHE as string, 'models');
    writeFileSync(join(at, `.x.gguf.${2 ** 22 + 1}-0.partial`), '');
    writeFileSync(join(at, `.x.gguf.${process.pid}-99.partial`), '');
    await quantizeModel({ model, type: 'F16' });
    expect(models().filter((name) => name.endsWith('.partial'))).toEqual([`.x.gguf.${process.pid}-99.partial`]);
  });

  test.each([
    [
      'with flipped bits',
      (path: string) =>
        writeFileSync(
          path,
          readFileSync(path).map((byte, i) => (i > 5e3 && i % 97 === 0 ? byte ^ 4 : byte)),
        ),
    ],
    ['cut off', (path: string) => truncateSync(path, statSync(path).size - 100)],
    ['whose hash is gone', (path: string) => rmSync(`${path}.sha256`)],
  ])('that is found %s is made again, and told', async (_, damage) => {
    const path = await quantizeModel({ model, type: 'Q8_0' });
    const bytes = readFileSync(path);
    damage(path);
    const told: string[] = [];
    expect(await quantizeModel({ model, type: 'Q8_0', onProgress: (line) => told.push(line) })).toBe(path);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(told).toContainEqual(`${path} is not what was written there: making it again`);
    told.length = 0;
    await quantizeModel({ model, type: 'Q8_0', onProgress: (line) => told.push(line) });
    expect(told.filter((line) => /making/.test(line))).toEqual([]);
  });

  test('tells before it writes how much and where', async () => {
    const told: string[] = [];
    const path = await quantizeModel({ model, type: 'Q8_0', onProgress: (line) => told.push(line) });
    expect(told).toContainEqual(`making ${path}, about 2 MB`);
  });

  test('over the limit takes the place of those that were not used for the longest time', async () => {
    const [q8, q5, q4] = [
      await quantizeModel({ model, type: 'Q8_0' }),
      await quantizeModel({ model, type: 'Q5_0' }),
      await quantizeModel({ model, type: 'Q4_0' }),
    ];
    const ago = (path: string, hours: number) => {
      const then = new Date(Date.now() - hours * 3600e3);
      utimesSync(`${path}.sha256`, then, then);
    };
    ago(q8, 3);
    ago(q5, 5);
    await quantizeModel({ model, type: 'Q5_0' }); // used now
    process.env.LLAMA_PROBE_CACHE_LIMIT = '0';
    const f16 = await quantizeModel({ model, type: 'F16' });
    expect(models().sort()).toEqual([q5, q4, f16].map((path) => basename(path)).sort()); // two were used just now
    expect((await cachedModels()).map(({ path }) => path)).not.toContain(q8);
    expect(await clearCache()).toBeGreaterThan(0);
    expect(await cachedModels()).toEqual([]);
    process.env.LLAMA_PROBE_CACHE_LIMIT = 'much';
    await expect(quantizeModel({ model, type: 'F16' })).rejects.toMatchObject({ code: 'cache-limit' });
    delete process.env.LLAMA_PROBE_CACHE_LIMIT;
  });

  test('two at once both succeed', async () => {
    const [a, b] = await Promise.all([quantizeModel({ model, type: 'Q6_K' }), quantizeModel({ model, type: 'Q6_K' })]);
    expect(a).toBe(b);
    expect(models()).toEqual([basename(a)]);
  });

  test('into a cache that cannot be written is told', async () => {
    vi.stubEnv('LLAMA_PROBE_CACHE', model); // a file, no directory
    await expect(quantizeModel({ model, type: 'Q8_0' })).rejects.toMatchObject({
      code: 'cache-unwritable',
      message: expect.stringMatching(/LLAMA_PROBE_CACHE/),
    });
  });
});

describe('exact and native', () => {
  async function logits(path: string, mode: ReferenceMode): Promise<Float32Array> {
    const reference = await openReference({ model: path, mode });
    let last: Tensor | undefined;
    for await (const tensor of reference.run({ tokens: [1, 5, 9, 17, 3, 8], stages: ['result_output'] }).tensors)
      last = tensor;
    await reference.close();
    return (last as Tensor).values;
  }
  const relative = (a: Float32Array, b: Float32Array) => {
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    return norm(a.map((value, i) => value - (b[i] as number))) / norm(b);
  };

  test('are close for a quantised model, and the exact one is cached', async () => {
    const path = await quantizeModel({ model, type: 'Q8_0' });
    const [native, exact] = [await logits(path, 'native'), await logits(path, 'exact')];
    expect(relative(native, exact)).toBeGreaterThan(1e-5);
    expect(relative(native, exact)).toBeLessThan(3e-2);
    expect(models().filter((name) => name.includes('-F32-'))).toHaveLength(1);
    expect(await logits(path, 'exact')).toEqual(exact);
  });

  test('are the same for an F32 file, which needs no copy', async () => {
    expect(await logits(model, 'exact')).toEqual(await logits(model, 'native'));
    expect(models()).toEqual([]);
    const info = await inspectModel({ model });
    expect(exactModelBytes(info)).toBe(info.bytes);
  });
});
