import { seeded } from '@llama-probe/testing';
import { anyBlocks } from '@llama-probe/testing/kernels';
import { afterAll, describe, expect, test } from 'vitest';
import { dequantizeRow } from '../../oracle/src/index.js';
import { type AdapterKind, type OpenedAdapter, openAdapter } from '../src/adapter/index.js';
import { KernelCache } from '../src/kernels.js';
import { WEIGHT_TYPES, type WeightType } from '../src/products/mul-mat.js';
import { shaderSource } from '../src/shader-source.js';
import { ggmlRow } from './ggml.js';
import { rowsOnDevice } from './rows-on-device.js';
import { WRONG_READINGS } from './wrong-readings.js';

// Random blocks, with scales of every kind: zeros, subnormals, infinities and NaNs of both signs.
const ROWS = 24;
const COLUMNS = 1024;

const random = seeded();
const TYPES = Object.keys(WEIGHT_TYPES) as WeightType[];
const adapters: Array<AdapterKind | 'auto'> =
  process.platform === 'linux' && process.arch === 'x64' ? ['auto', 'swiftshader'] : ['auto'];
const opened = await Promise.all(adapters.map((adapter) => openAdapter({ adapter })));
afterAll(() => {
  for (const adapter of opened) adapter.close();
});

describe.each(TYPES)('%s', (type) => {
  const data = anyBlocks(type, ROWS * COLUMNS, random);
  const ggml = ggmlRow(type, data, ROWS * COLUMNS);
  const named = (others: Float32Array) => `${firstDifference(ggml, others)}, SEED=${random.seed}`;

  test("the twin's numbers, rounded once, are ggml's bits", () => {
    const twin = Float32Array.from(dequantizeRow(type, data, ROWS * COLUMNS));
    expect(differing(ggml, twin), named(twin)).toBe(0);
  });

  test.each(opened.map((adapter) => ({ name: adapter.info.name, ...adapter })))(
    "the kernel's bits are ggml's on $name",
    async ({ device, info, check }) => {
      const rows = await rowsOnDevice(device, new KernelCache({ device, info }), {
        data,
        type,
        rows: ROWS,
        columns: COLUMNS,
      });
      check();
      expect(differing(ggml, rows), named(rows)).toBe(0);
    },
  );
});

describe('one wrong operation is found', () => {
  const { device, info, check } = opened[0] as OpenedAdapter;

  test.each(WRONG_READINGS)('%s: %s → %s', async (type, right, wrong) => {
    const { shader } = WEIGHT_TYPES[type];
    const source = shaderSource(shader);
    expect(source.split(right).length - 1, `how often ${shader} says ${right}`).toBeGreaterThan(0);
    const kernels = new KernelCache({ device, info }, (file) =>
      file === shader ? source.replaceAll(right, wrong) : shaderSource(file),
    );
    const data = anyBlocks(type, 4 * COLUMNS, random);
    const rows = await rowsOnDevice(device, kernels, { data, type, rows: 4, columns: COLUMNS });
    check(); // it runs: it is wrong, not broken
    expect(differing(ggmlRow(type, data, 4 * COLUMNS), rows), `SEED=${random.seed}`).toBeGreaterThan(0);
  });
});

function* differences(a: Float32Array, b: Float32Array): Generator<number> {
  const [left, right] = [new Uint32Array(a.buffer), new Uint32Array(b.buffer, b.byteOffset, b.length)];
  for (let i = 0; i < a.length; i++) {
    // A NaN has many spellings; ggml's depends on the CPU.
    if (left[i] !== right[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) yield i;
  }
}

const differing = (a: Float32Array, b: Float32Array): number => [...differences(a, b)].length;

function firstDifference(a: Float32Array, b: Float32Array): string {
  const { value: i } = differences(a, b).next();
  return i === undefined ? 'the same bits' : `weight ${i} is ${Object.is(b[i], -0) ? '-0' : b[i]}, and ggml's ${a[i]}`;
}
