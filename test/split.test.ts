import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { contentHash } from '@llama-probe/reference';
import { splitGguf, splitNames } from '@llama-probe/testing';
import type { TensorReport, WeightsComparison } from '@llama-probe/weights';
import { describe, expect, test } from 'vitest';
import { BUNDLED } from './support/models.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** The bundled model in three files, the first without tensors. */
const together = path('split');
mkdirSync(together);
const parts = splitNames(join(together, 'small talk'), 3);
const files = splitGguf(readFileSync(BUNDLED), { tensors: [0, 15] });
for (const [no, bytes] of files.entries()) writeFileSync(parts[no] as string, bytes);
const [first, second, third] = parts as [string, string, string];

const RUN = ['--prompt', 'Hello', '--steps', '1', '--reference', 'exact'];

describe('a split GGUF file', () => {
  test.each(['whole', 'block'])('is compared as the whole one is, exact by %s', async (way) => {
    const [split, whole] = await Promise.all(
      [second, BUNDLED].map((model) => probeJson(['compare', '--model', model, ...RUN, '--exact-by', way])),
    );
    expect(split?.json.verdict, split?.json.reason).toBe('agree');
    expect(split?.json.model).toMatchObject({ file: first, layers: 4, quantization: 'F16' });
    expect(split?.json.stages).toEqual(whole?.json.stages);
  });

  test('is quantised as the whole one is, with importances, too', async () => {
    const made = async (model: string) => {
      const { json } = await probeJson([
        'compare',
        '--model',
        model,
        '--quantize',
        'Q2_K_S',
        '--tokens',
        '1',
        '--steps',
        '0',
        '--no-floors',
      ]);
      return readFileSync(json.model.file);
    };
    expect((await made(third)).equals(await made(BUNDLED))).toBe(true);
  });

  test('its weights are held to ggml, to those of the whole one, and the other way round', async () => {
    const [split, whole] = await Promise.all(
      [third, BUNDLED].map((model) =>
        probeJson<{ verdict: string; tensors: TensorReport[] }>(['weights', '--model', model]),
      ),
    );
    expect([split?.json.verdict, split?.json.tensors.length]).toEqual(['equal', 39]);
    const byName = (tensors: readonly TensorReport[] = []) => new Map(tensors.map((each) => [each.name, each]));
    expect(byName(split?.json.tensors)).toEqual(byName(whole?.json.tensors)); // with their hashes
    for (const [model, against] of [
      [third, BUNDLED],
      [BUNDLED, third],
      [BUNDLED, together],
    ] as const) {
      const { json } = await probeJson<WeightsComparison>(['weights', '--model', model, '--against', against]);
      expect(json.verdict, json.reason).toBe('equal');
      expect(json.pairs).toHaveLength(39);
    }
  });

  test('a folder of more models than one is no answer to which one it is', async () => {
    const folder = path('models');
    mkdirSync(folder);
    for (const name of ['a.gguf', 'b.gguf']) copyFileSync(BUNDLED, join(folder, name));
    const { code, stderr } = await probe(['weights', '--model', BUNDLED, '--against', folder]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('has 2 models in GGUF files, such as a.gguf and b.gguf. Give the file of one.'),
    ]);
  });

  test('an injected bug is named, by the weights of whichever part has them; its test names the model', async () => {
    const out = path('kept');
    const { json } = await probeJson(['compare', '--model', third, ...RUN, '--inject', 'gqa-tiled@3', '--out', out]);
    expect(json.first).toMatchObject({ layer: 3, cause: { id: 'gqa-tiled' } });
    const folder = path('repro');
    const { code } = await probe(['repro', join(out, 'candidate.arrow'), '--model', second, '--out', folder]);
    expect(code).toBe(1);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(await contentHash(second));
  });

  test('is refused where a part is missing, with its name', async () => {
    const alone = join(dirname(path('x')), 'alone-00001-of-00003.gguf');
    writeFileSync(alone, readFileSync(first));
    for (const command of ['compare', 'weights', 'tokenize', 'capture --from llama', 'capture --from webgpu']) {
      const { code, stderr } = await probe([
        ...command.split(' '),
        '--model',
        alone,
        ...(command.startsWith('capture') ? ['--out', path('x')] : []),
      ]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('alone-00002-of-00003.gguf (and 1 more): no such file'),
      ]);
    }
  });
});
