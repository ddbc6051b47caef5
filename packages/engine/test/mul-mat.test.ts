import { inShort, isLong, seeded } from '@llama-probe/testing';
import { type Case, PRODUCT_TOLERANCE, runCase } from '@llama-probe/testing/kernels';
import { afterAll, describe, expect, test } from 'vitest';
import { type AdapterKind, type OpenedAdapter, openAdapter } from '../src/adapter/index.js';
import { createMulMat, WEIGHT_TYPES, type WeightType } from '../src/products/mul-mat.js';
import { prefersTextures } from '../src/weight-data.js';

const random = seeded();
const { seed } = random;
const TYPES = Object.keys(WEIGHT_TYPES) as WeightType[];
type Shape = Omit<Case, 'type'>;

// SwiftShader comes from npm for linux-x64 only.
const adapters: Array<AdapterKind | 'auto'> =
  process.platform === 'linux' && process.arch === 'x64' ? ['auto', 'swiftshader'] : ['auto'];
const opened = await Promise.all(adapters.map((adapter) => openAdapter({ adapter })));
afterAll(() => {
  for (const { close } of opened) close();
});

/** Both families of kernels run on every adapter: which one is fast there is another matter. Weights are where the engine has them. */
function check(
  { device, info, check }: OpenedAdapter,
  family: 'cpu' | 'gpu',
  cases: readonly (readonly [WeightType, Shape])[],
): void {
  const mulMat = createMulMat(device, { ...info, class: family });
  const isInTexture = family === 'cpu' && prefersTextures(info);
  test.each(cases.map(([type, shape]) => ({ type, ...shape })))(`${family}: %o`, async (shape) => {
    const { relative } = await runCase(device, mulMat, { ...shape, isInTexture }, random);
    check();
    expect(relative, `SEED=${seed}`).toBeLessThan(PRODUCT_TOLERANCE);
  });
}

const everyType = (shapes: Shape[], types: readonly WeightType[] = TYPES) =>
  types.flatMap((type) => shapes.map((shape): [WeightType, Shape] => [type, shape]));
/** What differs in these cases is how a product is cut, and not how a type is read. */
const SOME = inShort(TYPES, 5);
/** Where a kernel takes long to compile. */
const FEWER = inShort(SOME, 2);
const of = (type: WeightType, shapes: readonly Shape[]) => shapes.map((shape): [WeightType, Shape] => [type, shape]);

// One token, and more than one; rows in and past one workgroup; several slices; one block and two.
const FEW = { rows: 67, columns: 512, tokens: 1, sliceRows: 40 };
const MANY = { rows: 131, columns: 256, tokens: 5, sliceRows: 64 };

// How a product is cut does not depend on the type.
const EDGES: Shape[] = [
  ...[1, 7, 8, 9, 63, 64, 65].map((rows) => ({ rows, columns: 256, tokens: 1 })),
  ...[2, 3, 4, 17, 33, 64, 65].map((tokens) => ({ rows: 9, columns: 256, tokens })),
  { rows: 1, columns: 256, tokens: 33 },
  { rows: 9, columns: 256, tokens: 512 },
  { rows: 20, columns: 5632, tokens: 1 },
  { rows: 20, columns: 5632, tokens: 2 },
  { rows: 10, columns: 256, tokens: 3, sliceRows: 1 },
];

// x of one token, or of two one by one, is longer than a uniform buffer.
const LONG: Shape[] = [
  { rows: 20, columns: 20480, tokens: 1 },
  { rows: 20, columns: 10240, tokens: 2 },
];

// Blocks of less than 256 weights at the end of a row.
const SHORT: Shape[] = [32, 96, 288, 480].flatMap((columns) => [1, 5].map((tokens) => ({ rows: 10, columns, tokens })));

// No multiple of 32: only unquantised types have such rows.
const ODD: Shape[] = [1, 2, 33, 255].flatMap((columns) => [1, 5].map((tokens) => ({ rows: 10, columns, tokens })));

// The smallest normal half is 6e-5, the largest 65504.
const SCALES: Shape[] = [5e-6, 6e4].flatMap((magnitude) => [
  { rows: 9, columns: 256, tokens: 1, magnitude },
  { rows: 9, columns: 256, tokens: 5, magnitude },
]);

// Of types whose blocks have more than 32 weights and fewer than 256.
const SHORT_OF_64: Shape[] = [64, 192, 320].flatMap((columns) =>
  [1, 5].map((tokens) => ({ rows: 10, columns, tokens })),
);
const SHORT_OF_128: Shape[] = [128, 384].flatMap((columns) => [1, 5].map((tokens) => ({ rows: 10, columns, tokens })));

const SHORT_TYPES: WeightType[] = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'IQ4_NL', 'MXFP4'];

describe.each(opened.map((adapter) => ({ name: adapter.info.name, adapter })))('on $name', ({ adapter }) => {
  const slow = adapter.info.kind === 'swiftshader';
  for (const family of ['cpu', 'gpu'] as const) {
    check(adapter, family, everyType([FEW], slow ? FEWER : TYPES));
    // SwiftShader takes seconds to compile a kernel with barriers, and is never of the family that has them.
    if (slow && family === 'gpu' && !isLong) continue;
    check(adapter, family, slow && family === 'gpu' ? of('Q4_K', [MANY]) : everyType([MANY], slow ? FEWER : SOME));
    check(adapter, family, everyType(slow ? SCALES.slice(0, 1) : SCALES, slow ? FEWER : SOME));
    const compiled = slow && family === 'gpu' ? 'Q4_K' : 'Q8_0';
    check(adapter, family, of(compiled, slow ? EDGES.slice(-6) : inShort(EDGES, 10)));
    if (slow) continue;
    if (family === 'cpu' && prefersTextures(adapter.info)) check(adapter, family, of('Q8_0', LONG));
    for (const type of inShort(SHORT_TYPES, 4)) check(adapter, family, of(type, SHORT));
    for (const type of ['Q2_0', 'NVFP4'] as const) check(adapter, family, of(type, SHORT_OF_64));
    check(adapter, family, of('Q1_0', SHORT_OF_128));
    for (const type of SHORT_TYPES.slice(0, 3)) check(adapter, family, of(type, ODD));
    // A dispatch has at most 65535 workgroups in a dimension: the gpu family has four rows in each.
    check(adapter, family, of('Q4_0', [{ rows: 4 * 65536 + 3, columns: 32, tokens: 1 }]));
  }
  // Large enough for the kernel that takes long to compile.
  const many: Shape = { rows: 515, columns: 2048, tokens: 65, sliceRows: 510 };
  check(adapter, 'cpu', slow ? [] : inShort(['Q8_0', 'Q4_K'] as const, 1).map((type) => [type, many]));
});
