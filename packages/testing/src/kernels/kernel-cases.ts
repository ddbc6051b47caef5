import { type Operations, WEIGHT_TYPES, type WeightType } from '@llama-probe/engine/internal';
import {
  type Attention,
  add,
  addBias,
  dequantizeRow,
  getRows,
  kq,
  kqv,
  mul,
  rmsNorm,
  rope,
  ropeAngle,
  softMax,
  swiglu,
} from '@llama-probe/oracle';
import { bentKernels } from './bent-cases.js';
import { expertKernels } from './expert-cases.js';
import { expertProducts } from './expert-product-cases.js';
import {
  DIVISION,
  exponential,
  FLUSH,
  type Kernel,
  type KernelCase,
  numbers,
  poison,
  relative,
  type Shape,
  U,
  ULP,
  wide,
} from './kernel-case.js';
import { randomWeights } from './mul-mat-case.js';

const sizes = (
  tokens: number,
  first: number,
  heads: number,
  kvHeads: number,
  headDim: number,
  embd: number,
  ff: number,
) => ({
  tokens,
  first,
  heads,
  kvHeads,
  headDim,
  embd,
  ff,
});

// biome-ignore format: a table
export const SHAPES: readonly Shape[] = [
  //    tokens first heads kv dim embd    ff
  sizes(     1,    0,    1, 1,   2,    1,     1), // the smallest
  sizes(     1,   62,    2, 1,   6,   63,    65), // decode, n_kv 63, GQA 2
  sizes(     3,   61,    8, 1,  10,   64,    63), // n_kv 64, GQA 8
  sizes(     5,   60,    4, 2,  64,   65,    64), // n_kv 65
  sizes(    65,    0,    8, 2,   2,   17,   127), // prefill, GQA 4
  sizes(     2,  300,    3, 3,  18,  129,    33), // no GQA, odd heads
  sizes(   129,    7,    3, 1,   6,    7,     5), // many rows, GQA 3
  sizes(     1, 1023,   32, 4, 128, 4096, 11008), // a decode step of a real size
];

export const EPSILON = Math.fround(1e-5);
export const scaleOf = (shape: Shape) => Math.fround(1 / Math.sqrt(shape.headDim));

const attention = (s: Shape): Attention => ({
  headCount: s.heads,
  headCountKv: s.kvHeads,
  headDim: s.headDim,
  firstPosition: s.first,
});
const abs = (x: Float64Array) => x.map(Math.abs);
const nKv = (s: Shape) => s.first + s.tokens;

/** x with the kernel's poison in front of and behind the rows that are its own. */
function within(x: ArrayLike<number>, before: number): Float64Array {
  const all = new Float64Array(before + x.length).fill(Number.NaN);
  all.set(x, before);
  return all;
}

/** What is normed: a token's row, or each of its heads by itself. */
type Normed = Pick<Operations, 'rmsNorm' | 'normQ' | 'normK'>;
type Scaled = Pick<Operations, 'mul' | 'mulQ' | 'mulK'>;
type Rows = (s: Shape) => { width: number; rows: number };
const tokenRows: Rows = ({ tokens, embd }) => ({ width: embd, rows: tokens });
const qHeads: Rows = ({ tokens, heads, headDim }) => ({ width: headDim, rows: tokens * heads });
const rowsOfK: Rows = ({ tokens, kvHeads, headDim }) => ({ width: kvHeads * headDim, rows: tokens });
/** Of so many scores a head that K and V are read from a texture, where the adapter has them there. */
const LONG_SHAPES: readonly Shape[] = [
  sizes(65, 0, 4, 2, 16, 1, 1), // n_kv 65, GQA 2
  sizes(33, 101, 3, 1, 48, 1, 1), // n_kv 134, GQA 3
  sizes(9, 463, 2, 2, 64, 1, 1), // n_kv 472, no GQA
];
/** All heads of a token are one row. */
const SHAPES_BY_ROW = SHAPES.map((s): Shape => ({ ...s, headNorms: 'row' }));

const normKernel = (operation: keyof Normed, rowsOf: Rows, shapes: readonly Shape[]): Kernel => ({
  name: 'rms_norm',
  shapes,
  make(s, values, random, rowThreads) {
    const { width, rows } = rowsOf(s);
    const x = numbers(rows * width, values, random);
    const want = rmsNorm(wide(x), width, EPSILON);
    // The sum: a square, a thread's additions, those of the tree; its mean, ε: halved by the root. Then root, division, product.
    const sum = ((Math.ceil(width / rowThreads) + Math.log2(rowThreads) + 2) * U + DIVISION) / 2;
    const root = 2 * ULP + DIVISION; // sqrt inherits from 1 / inverseSqrt
    const gain = 1 / Math.sqrt(EPSILON);
    const bound = want.map((y) => Math.abs(y) * (sum + root + DIVISION + U) + gain * FLUSH);
    const encode: KernelCase['encode'] = (op, on) => op[operation](on('y'), on('x'));
    return { buffers: { x, y: poison(x.length) }, output: 'y', encode, want, bound };
  },
});

const mulKernel = (operation: keyof Scaled, rowsOf: Rows, shapes: readonly Shape[]): Kernel => ({
  name: 'mul',
  shapes,
  make(s, values, random) {
    const { width, rows } = rowsOf(s);
    const y = numbers(rows * width, values, random);
    const w = numbers(width, 'unit', random);
    const want = mul(wide(y), wide(w)); // * is correctly rounded
    const encode: KernelCase['encode'] = (op, on) => op[operation](on('y'), on('w'));
    return { buffers: { y, w }, output: 'y', encode, want, bound: relative(want, U) };
  },
});

const rowKernels: Kernel[] = [
  normKernel('rmsNorm', tokenRows, SHAPES),
  mulKernel('mul', tokenRows, SHAPES),
  {
    name: 'add',
    shapes: SHAPES,
    make(s, values, random) {
      const y = numbers(s.tokens * s.embd, values, random);
      const x = numbers(s.tokens * s.embd, values, random);
      const want = add(wide(y), wide(x)); // + is correctly rounded
      const bound = relative(want, U).map((error) => error + 2 * FLUSH);
      return { buffers: { y, x }, output: 'y', encode: (op, on) => op.add(on('y'), on('x')), want, bound };
    },
  },
  {
    name: 'add_bias',
    shapes: SHAPES,
    make(s, values, random) {
      const y = numbers(s.tokens * s.ff, values, random);
      const b = numbers(s.ff, values, random);
      const want = addBias(wide(y), wide(b)); // + is correctly rounded
      const bound = relative(want, U).map((error) => error + 2 * FLUSH);
      const encode: KernelCase['encode'] = (op, on, weight) =>
        op.mulMat(on('y'), { ...weight, rows: s.ff }, on('y'), on('b'));
      return { buffers: { y, b }, output: 'y', encode, want, bound };
    },
  },
  {
    name: 'swiglu',
    shapes: SHAPES,
    make(s, values, random) {
      const gate = numbers(s.tokens * s.ff, values, random, 100);
      const up = numbers(s.tokens * s.ff, values, random, 100);
      const want = swiglu(wide(gate), wide(up));
      // exp counts by its share e⁻ᵍ / (1 + e⁻ᵍ) of the sum; then +, / and *.
      const bound = want.map((y, i) => {
        const g = gate[i] as number;
        // e⁻ᵍ leaves f32's range below −87, in llama.cpp as well: 0 for what is −10⁻³⁶ · up.
        if (g < -87) return Math.abs(y) + FLUSH;
        return (
          Math.abs(y) * (exponential(g) / (1 + Math.exp(g)) + U + DIVISION + U) +
          FLUSH * (1 + Math.abs(up[i] as number))
        );
      });
      return {
        buffers: { gate, up },
        output: 'gate',
        encode: (op, on) => op.swiglu(on('gate'), on('up')),
        want,
        bound,
      };
    },
  },
];

/** cos and sin of every position, from the oracle's angles: (positions, turned / 2, 2). The engine's own table is tested beside rope.ts. */
function rotationTable(s: Shape): Float32Array {
  const table: number[] = [];
  for (let position = 0; position < nKv(s); position++) {
    for (let pair = 0; pair < (s.ropeDims ?? s.headDim) / 2; pair++) {
      const angle = ropeAngle(position, pair, {
        headDim: s.ropeDims ?? s.headDim,
        ropeFreqBase: 10000,
        ropeFreqScale: 1,
      });
      table.push(Math.cos(angle), Math.sin(angle));
    }
  }
  return Float32Array.from(table);
}

/** The first values of each head turned as if they were all of it. */
function ropeOfPart(
  x: Float64Array,
  width: number,
  { first, headDim, ropeDims = headDim, ropePairs }: Shape,
): Float64Array {
  const isTurned = (i: number) => i % headDim < ropeDims;
  const r = { headDim: ropeDims, ropeFreqBase: 10000, ropeFreqScale: 1, ropePairs };
  const turned = rope(
    x.filter((_, i) => isTurned(i)),
    (width / headDim) * ropeDims,
    first,
    r,
  ).values();
  return x.map((value, i) => (isTurned(i) ? (turned.next().value as number) : value));
}

const ropeKernel = (side: 'q' | 'k', ropePairs?: 'halves', isPart = false): Kernel => ({
  name: 'rope',
  shapes: SHAPES.map((s) => ({
    ...s,
    ...(ropePairs ? { ropePairs } : {}),
    ...(isPart ? { ropeDims: Math.max(2, s.headDim - 4) } : {}),
  })),
  make(s, values, random) {
    const width = (side === 'q' ? s.heads : s.kvHeads) * s.headDim;
    const x = numbers(s.tokens * width, values, random);
    const want = ropeOfPart(wide(x), width, s);
    const half = (s.ropeDims ?? s.headDim) / 2;
    const partner = (i: number) => (ropePairs ? i + (i % s.headDim < half ? half : -half) : i ^ 1);
    // The table, a product and the sum round: three times, each at most of |a| + |b|.
    const bound = want.map(
      (_, i) =>
        i % s.headDim < 2 * half
          ? 3 * U * (Math.abs(x[i] as number) + Math.abs(x[partner(i)] as number)) + 3 * FLUSH
          : 0, // left as it is
    );
    const encode: KernelCase['encode'] = (op, on) =>
      side === 'q' ? op.ropeQ(on('x'), on('rotation')) : op.ropeK(on('x'), on('rotation'));
    return { buffers: { x, rotation: rotationTable(s) }, output: 'x', encode, want, bound };
  },
});

/** With sinks each head has a number that takes its share of the sum. */
const softMaxKernel = (hasSinks: boolean, window?: number): Kernel => ({
  name: hasSinks ? 'soft_max_sinks' : 'soft_max',
  shapes: SHAPES.map((s) => (window ? { ...s, window } : s)),
  make(s, values, random, rowThreads) {
    const n = nKv(s);
    const scale = scaleOf(s);
    const scores = numbers(s.tokens * s.heads * n, values, random, 2e4);
    const sinks = numbers(s.heads, values, random, 2e4 * scale);
    const seenAlone = softMax(wide(scores), n, scale, { ...attention(s), window });
    const want = new Float64Array(seenAlone.length);
    const bound = new Float64Array(want.length);
    const hidden = poison(scores.length);
    for (let row = 0; row < s.tokens * s.heads; row++) {
      const seen = s.first + Math.floor(row / s.heads) + 1;
      const [begin, end] = [row * n + Math.max(0, seen - (window ?? seen)), row * n + seen];
      const logits = wide(scores.subarray(begin, end)).map((score) => scale * score);
      const sink = hasSinks ? (sinks[row % s.heads] as number) : Number.NEGATIVE_INFINITY;
      const highest = logits.reduce((x, y) => Math.max(x, y), sink);
      const sum = logits.reduce((all, logit) => all + Math.exp(logit - highest), 0);
      const share = sum / (sum + Math.exp(sink - highest));
      // The relative error of a power: its two logits and their difference round, and exp is what it is.
      const errorOf = (logit: number) =>
        U * (Math.abs(logit) + Math.abs(highest) + Math.abs(logit - highest)) + exponential(logit - highest);
      const errors = logits.map(errorOf);
      logits.forEach((_, i) => {
        want[begin + i] = (seenAlone[begin + i] as number) * share;
      });
      const ofSum =
        errors.reduce((all, error, i) => all + error * (want[begin + i] as number), 0) +
        (share < 1 ? (1 - share) * errorOf(sink) + U : 0) +
        (Math.ceil(n / rowThreads) + Math.log2(rowThreads) + 1) * U;
      errors.forEach((error, i) => {
        bound[begin + i] = (want[begin + i] as number) * (error + ofSum + DIVISION) * 1.01 + FLUSH; // 1.01: second order
      });
      scores.set(hidden.subarray(end, (row + 1) * n), end); // what kq leaves alone
    }
    return {
      buffers: { kq: scores, sinks },
      output: 'kq',
      encode: (op, on) => op.softMax(on('kq'), 0, hasSinks ? on('sinks') : undefined),
      want,
      bound,
    };
  },
});

const kqKernel = (name: string, shapes: readonly Shape[]): Kernel => ({
  name,
  shapes,
  make(s, values, random) {
    const q = numbers(s.tokens * s.heads * s.headDim, values, random);
    const k = numbers(nKv(s) * s.kvHeads * s.headDim, values, random);
    const a = attention(s);
    const want = kq(wide(q), wide(k), a); // NaN ahead of the row: the kernel leaves it alone
    // A product, head_dim / 2 additions in each of two sums, and one that joins them; each rounds at most Σ|q·k|.
    const size = kq(abs(wide(q)), abs(wide(k)), a);
    const bound = size.map((sum) => (s.headDim / 2 + 2) * U * sum + s.headDim * FLUSH);
    const encode: KernelCase['encode'] = (op, on) => op.kq(on('kq'), on('q'), on('k'));
    return { buffers: { q, k, kq: poison(want.length) }, output: 'kq', encode, want, bound };
  },
});

const kqvKernel = (name: string, shapes: readonly Shape[]): Kernel => ({
  name,
  shapes,
  make(s, values, random) {
    const a = attention(s);
    const p = Float32Array.from(softMax(wide(numbers(s.tokens * s.heads * nKv(s), 'unit', random, 1)), nKv(s), 4, a));
    const v = numbers(nKv(s) * s.kvHeads * s.headDim, values, random);
    const want = kqv(wide(p), wide(v), a);
    // A product, n_kv / 2 additions in each of two sums, and one that joins them; each rounds at most Σ p·|v|.
    const size = kqv(wide(p), abs(wide(v)), a);
    const bound = size.map((sum) => (nKv(s) / 2 + 2) * U * sum + nKv(s) * FLUSH);
    const encode: KernelCase['encode'] = (op, on) => op.kqv(on('kqv'), on('p'), on('v'));
    return { buffers: { p, v, kqv: poison(want.length) }, output: 'kqv', encode, want, bound };
  },
});

const attentionKernels: Kernel[] = [
  {
    name: 'store_kv',
    shapes: SHAPES,
    make(s, values, random) {
      const width = s.kvHeads * s.headDim;
      const x = numbers(s.tokens * width, values, random);
      const want = within(x, s.first * width); // the rows of earlier positions stay
      const encode: KernelCase['encode'] = (op, on) => op.store(on('cache'), on('x'));
      // A copy: no error, but for the flush.
      return {
        buffers: { x, cache: poison(nKv(s) * width) },
        output: 'cache',
        encode,
        want,
        bound: want.map(() => (values === 'denormal' ? FLUSH : 0)),
      };
    },
  },
  kqKernel('kq', SHAPES),
  kqKernel('kq_texture', LONG_SHAPES),
  softMaxKernel(false),
  kqvKernel('kqv', SHAPES),
  kqvKernel('kqv_texture', LONG_SHAPES),
];

interface Table {
  tokens: number;
  rows: number;
  slices: number[];
  columns: number;
}

// More columns than one round of a workgroup has, which is 1024.
const WIDE: Table = { tokens: 5, rows: 3, slices: [3], columns: 2304 };

// Compiling the unpacking takes most of the time: how tables are cut is tried with one type of float and one of blocks.
const TABLES: Partial<Record<WeightType, Table[]>> = {
  F32: [
    WIDE,
    { tokens: 1, rows: 7, slices: [7], columns: 1 },
    { tokens: 65, rows: 37, slices: [20, 16, 1], columns: 33 },
  ],
  F16: [{ tokens: 5, rows: 3, slices: [3], columns: 2303 }],
  Q8_0: [WIDE, { tokens: 65, rows: 5, slices: [1, 3, 1], columns: 288 }],
};

/** Rows of a table that is cut into slices. The tokens ask for its first and its last row, and for one of them twice. */
const rowsKernel = (type: WeightType, { tokens, rows, slices, columns }: Table): Kernel => ({
  name: 'get_rows',
  reads: type,
  shapes: [sizes(tokens, 0, 1, 1, 2, columns, 1)],
  make(s, _values, random) {
    const { elements, bytes } = WEIGHT_TYPES[type];
    const data = randomWeights({ type, rows, columns, tokens: s.tokens }, random);
    const ids = Uint32Array.from(
      { length: s.tokens },
      (_, i) => [rows - 1, 0, rows - 1][i] ?? Math.floor(random() * rows),
    );
    const rowBytes = (columns / elements) * bytes;
    const row = (id: number) => dequantizeRow(type, data.subarray(id * rowBytes, (id + 1) * rowBytes), columns);
    const want = getRows(row, [...ids]);
    // Floats are copied. Of a block, d·q is exact in f32 but for Q6_K's, which rounds once; so does taking a minimum off.
    const bound = elements === 1 ? want.map(() => 0) : want.map((w) => U * Math.abs(w) + FLUSH);
    const encode: KernelCase['encode'] = (op, on, weight) => op.getRows(on('dst'), weight, on('ids'));
    return {
      buffers: { ids, dst: poison(want.length) },
      weight: { data, type, rows, columns, slices },
      output: 'dst',
      encode,
      want,
      bound,
    };
  },
});

export const KERNELS: ReadonlyArray<Kernel & { title: string }> = [
  ...(Object.keys(WEIGHT_TYPES) as WeightType[]).flatMap((type) =>
    (TABLES[type] ?? [WIDE]).map((table) => ({
      ...rowsKernel(type, table),
      title: `get_rows ${type} ${table.columns} × ${table.slices.join(' + ')}`,
    })),
  ),
  ...rowKernels.map((kernel) => ({ ...kernel, title: kernel.name })),
  { ...normKernel('normQ', qHeads, SHAPES), title: 'rms_norm of the heads of q' },
  { ...normKernel('normK', rowsOfK, SHAPES_BY_ROW), title: 'rms_norm of a row of k' },
  { ...mulKernel('mulQ', qHeads, SHAPES), title: 'mul of the heads of q' },
  { ...mulKernel('mulK', rowsOfK, SHAPES_BY_ROW), title: 'mul of a row of k' },
  ...(['q', 'k'] as const).map((side) => ({ ...ropeKernel(side), title: `rope ${side}` })),
  { ...ropeKernel('q', 'halves'), title: 'rope q, halves' },
  { ...ropeKernel('k', 'halves', true), title: 'rope k, halves of the first values' },
  ...attentionKernels.map((kernel) => ({ ...kernel, title: kernel.name })),
  { ...softMaxKernel(false, 40), title: 'soft_max in a window' },
  { ...softMaxKernel(true), title: 'soft_max_sinks' },
  { ...softMaxKernel(true, 40), title: 'soft_max_sinks in a window' },
  ...bentKernels(SHAPES).map((kernel) => ({ title: kernel.name, ...kernel })),
  ...expertKernels(SHAPES).map((kernel) => ({ ...kernel, title: kernel.name })),
  ...expertProducts(SHAPES),
];

/** More workgroups than a dimension of a dispatch has, 65535: elements, rows and heads. */
export const FOLDED: ReadonlyArray<{ name: string; shape: Shape }> = [
  { name: 'add', shape: sizes(1025, 0, 1, 1, 2, 4097, 1) },
  { name: 'rms_norm', shape: sizes(65537, 0, 1, 1, 2, 3, 1) },
  { name: 'soft_max', shape: sizes(2, 1, 32769, 1, 2, 1, 1) },
];
