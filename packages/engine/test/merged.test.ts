import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type GgufParts,
  inShort,
  randomFrom,
  TINY_ARCHITECTURES,
  tinyArchitecture,
  tinyLlama,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { openAdapter } from '../src/adapter/index.js';
import { Engine } from '../src/engine.js';
import { openGguf } from '../src/gguf.js';
import { COMPUTED, llamaConfig } from '../src/read-config.js';
import { llamaTensors } from '../src/tensors.js';
import { uploadModel } from '../src/weights.js';
import { bytesOf, collect, everything, name, relative } from './runs.js';

// Steps that nobody watches are merged, on a GPU more of them. Here its kernels are tried on whatever there is.
const folder = mkdtempSync(join(tmpdir(), 'llama-probe-merged-'));
const opened = await openAdapter({ adapter: 'auto' });
afterAll(() => {
  opened.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function open(label: string, parts: GgufParts, family: 'cpu' | 'gpu' = 'gpu'): Promise<Engine> {
  const path = join(folder, `${label}.gguf`);
  writeFileSync(path, writeGguf(parts).bytes);
  const file = await openGguf(path);
  const config = llamaConfig(file);
  const model = await uploadModel(opened.device, opened.info.kind, file, llamaTensors(file, config));
  return new Engine({ ...opened, info: { ...opened.info, class: family } }, file, config, model);
}

const sizes = { layers: 2, embd: 64, heads: 4, kvHeads: 2, headDim: 16, ff: 96, vocab: 37, context: 16 };
const RUN = { tokens: [1, 36, 0, 17, 17], steps: 2 };
const MODELS: Record<string, () => GgufParts> = {
  llama: () => tinyLlama(sizes, randomFrom(1)),
  'with biases': () => tinyLlama({ ...sizes, biases: true, outputBias: true, ffBiases: true }, randomFrom(2)),
};
const OTHERS = TINY_ARCHITECTURES.filter((architecture) => COMPUTED.includes(architecture));
for (const architecture of inShort(OTHERS, 4))
  MODELS[architecture] = () => tinyArchitecture(architecture, randomFrom(3));

const FAMILIES = [
  ...Object.keys(MODELS).map((label) => [label, 'gpu'] as const),
  ...inShort(Object.keys(MODELS), 2).map((label) => [label, 'cpu'] as const),
];

describe.each(FAMILIES)('%s, as on a %s', (label, family) => {
  test('a stage has the same bits whether it is watched alone, with the head, or with all', async () => {
    const engine = await open(`${label} ${family}`, (MODELS[label] as () => GgufParts)(), family);
    const all = await collect(engine, RUN);
    const watched = ['nothing', ...new Set(all.tensors.map(({ stage }) => stage))];
    for (const stage of watched) {
      const some = await collect(engine, { ...RUN, hook: { record: (at) => at.stage === stage } });
      expect(some.generated, stage).toEqual(all.generated);
      const wanted = all.tensors.filter((tensor) => tensor.stage === stage);
      expect(some.tensors.map(name)).toEqual(wanted.map(name));
      for (const [i, tensor] of some.tensors.entries()) {
        expect(Buffer.compare(bytesOf(tensor), bytesOf(wanted[i] as typeof tensor)), name(tensor)).toBe(0);
      }
    }
  });
});

test.each(['llama', 'with biases'])('%s: they are the rows of the other kernels, but for rounding', async (label) => {
  const parts = (MODELS[label] as () => GgufParts)();
  const [gpu, cpu] = [await open(`${label} gpu`, parts), await open(`${label} cpu`, parts, 'cpu')];
  const [got, want] = [await collect(gpu, RUN), await collect(cpu, RUN)];
  for (const [i, tensor] of got.tensors.entries()) {
    expect(relative(tensor.values, want.tensors[i]?.values ?? []), name(tensor)).toBeLessThan(1e-5);
  }
});

test('rows that are put in a stage’s place are what it goes on from', async () => {
  const engine = await open('overwritten', tinyLlama(sizes, randomFrom(1)));
  const all = await collect(engine, RUN);
  const overwrite = (at: { stage: string; layer: number | null; order: number }) =>
    at.stage === 'attn_rms' && at.layer === 1 ? all.tensors[at.order]?.values.map((value) => 1.5 * value) : undefined;
  const [watched, unwatched] = [
    await collect(engine, { ...RUN, hook: { ...everything, overwrite } }),
    await collect(engine, { ...RUN, hook: { record: ({ stage }) => stage === 'result_output', overwrite } }),
  ];
  const logits = watched.tensors.filter(({ stage }) => stage === 'result_output');
  expect(unwatched.tensors.map(bytesOf)).toEqual(logits.map(bytesOf));
  expect(logits.map(bytesOf)).not.toEqual(all.tensors.filter(({ stage }) => stage === 'result_output').map(bytesOf));
});

test('a layer that nobody watches takes 14 dispatches, on a CPU 15, and one that is watched 21', async () => {
  const dispatches = async (engine: Engine, record: boolean) => {
    const count = vi.spyOn(GPUComputePassEncoder.prototype, 'dispatchWorkgroups');
    await collect(engine, { tokens: [1], hook: { record: () => record } });
    const { length } = count.mock.calls;
    count.mockRestore();
    return length;
  };
  const perLayer = async (record: boolean, family: 'cpu' | 'gpu') => {
    const [two, three] = [
      await open('two', tinyLlama(sizes, randomFrom(1)), family),
      await open('three', tinyLlama({ ...sizes, layers: 3 }, randomFrom(1)), family),
    ];
    return (await dispatches(three, record)) - (await dispatches(two, record));
  };
  expect(await perLayer(true, 'gpu')).toBe(21);
  expect(await perLayer(false, 'gpu')).toBe(14);
  expect(await perLayer(true, 'cpu')).toBe(21);
  expect(await perLayer(false, 'cpu')).toBe(15);
});
