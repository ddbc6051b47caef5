import { WEIGHT_TYPES, type WeightType } from '@llama-probe/engine/internal';
import { dequantizeRow } from '@llama-probe/oracle';
import { chosenOf, expertsOf } from './expert-cases.js';
import { FLUSH, type Kernel, type KernelCase, numbers, poison, type Shape, U } from './kernel-case.js';
import { randomWeights } from './mul-mat-case.js';

/** Rows of whole blocks, of at least so many values. */
const columnsOf = (type: WeightType, atLeast: number): number => {
  const { elements } = WEIGHT_TYPES[type];
  return Math.ceil(atLeast / elements) * elements;
};

/** Products by the chosen experts: of a token's one x (gate, up), or of an x that each expert has for itself (down). */
const productKernel = (type: WeightType, isDown: boolean, shapes: readonly Shape[]): Kernel => ({
  name: 'experts_mul_mat',
  reads: type,
  shapes,
  make(s, values, random) {
    const { count, used } = expertsOf(s);
    const rows = isDown ? s.embd : s.ff; // of one expert
    const columns = columnsOf(type, isDown ? s.ff : s.embd);
    const all = count * rows;
    const data = randomWeights({ type, rows: all, columns, tokens: s.tokens }, random);
    const x = numbers(s.tokens * (isDown ? used : 1) * columns, values, random);
    const chosen = chosenOf(s, random);
    const rowBytes = data.length / all;
    const weights = Array.from({ length: all }, (_, row) =>
      dequantizeRow(type, data.subarray(row * rowBytes, (row + 1) * rowBytes), columns),
    );
    const want = new Float64Array(s.tokens * used * rows);
    const bound = new Float64Array(want.length);
    for (let i = 0; i < want.length; i++) {
      const slot = Math.floor(i / rows); // over (tokens, used)
      const w = weights[(chosen[slot] as number) * rows + (i % rows)] as Float32Array | Float64Array;
      const from = (isDown ? slot : Math.floor(slot / used)) * columns;
      let [sum, size] = [0, 0];
      for (let column = 0; column < columns; column++) {
        const term = (w[column] as number) * (x[from + column] as number);
        sum += term;
        size += Math.abs(term);
      }
      want[i] = sum;
      // A product, columns / 4 additions in each of four sums, and two that join them; each rounds at most Σ|w·x|.
      bound[i] = (columns / 4 + 4) * U * size + 2 * columns * FLUSH;
    }
    const encode: KernelCase['encode'] = (op, on, weight) =>
      op[isDown ? 'mulMatDown' : 'mulMatExperts'](on('dst'), weight, on('x'), on('chosen'));
    const ofFirst = Math.ceil(all / 3); // where a slice ends has nothing to do with where an expert does
    return {
      buffers: { x, chosen, dst: poison(want.length) },
      weight: { data, type, rows: all, columns, slices: [ofFirst, all - ofFirst] },
      output: 'dst',
      encode,
      want,
      bound,
    };
  },
});

/** How a product is cut is tried with one type; others are read by the files that the other products have tests of. */
export function expertProducts(shapes: readonly Shape[]): Array<Kernel & { title: string }> {
  const small = shapes.filter((s) => s.embd * s.ff < 2 ** 16);
  const one = small.filter(({ tokens }) => tokens === 5);
  const kinds: Array<[WeightType, readonly Shape[]]> = [
    ['F32', small],
    ['Q8_0', one],
    ['IQ2_XXS', one], // with a codebook
  ];
  return kinds.flatMap(([type, of]) =>
    [false, true].map((isDown) => ({
      ...productKernel(type, isDown, of),
      title: `experts_mul_mat ${type}${isDown ? ', down' : ''}`,
    })),
  );
}
