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
  wide,
} from './kernel-case.js';

/** How many experts a model of a shape has, and how many of them a token goes through. */
export const expertsOf = ({ heads }: Pick<Shape, 'heads'>) => ({ count: heads + 2, used: heads === 1 ? 1 : 3 });

/** Which experts each token goes through, as the kernels have them: numbers. */
export function chosenOf(s: Shape, random: () => number): Float32Array {
  const { count, used } = expertsOf(s);
  return Float32Array.from({ length: s.tokens * used }, () => Math.floor(random() * count));
}

/** As rows of so many, each made of what it was. */
const mapRows = (
  x: Float64Array,
  width: number,
  make: (row: Float64Array) => Float64Array | number[],
): Float64Array => {
  const all = new Float64Array(x.length);
  for (let begin = 0; begin < x.length; begin += width) all.set(make(x.subarray(begin, begin + width)), begin);
  return all;
};

const LEAST = 2 ** -14;

type Unshaped = Omit<Kernel, 'shapes'>;

/** A mixture of experts, but for its products, which expert-product-cases.ts has. */
export const expertKernels = (shapes: readonly Shape[]): Kernel[] =>
  (
    [
      {
        name: 'experts_soft_max',
        make(s, values, random) {
          const { count } = expertsOf(s);
          const router = numbers(s.tokens * count, values, random, 100);
          const highest = (row: Float64Array) => row.reduce((x, y) => Math.max(x, y));
          const powers = (row: Float64Array) => row.map((x) => Math.exp(x - highest(row)));
          const sum = (row: Float64Array) => row.reduce((x, y) => x + y, 0);
          const want = mapRows(wide(router), count, (row) => powers(row).map((e) => e / sum(powers(row))));
          const bound = mapRows(wide(router), count, (row) => {
            const top = highest(row);
            const errors = row.map((x) => U * Math.abs(x - top) + exponential(x - top));
            const share = powers(row).map((e) => e / sum(powers(row)));
            const ofSum = errors.reduce((all, error, i) => all + error * (share[i] as number), 0) + count * U;
            return share.map((y, i) => y * ((errors[i] as number) + ofSum + DIVISION) * 1.01 + FLUSH); // 1.01: second order
          });
          const encode: KernelCase['encode'] = (op, on) => op.softMaxExperts(on('router'));
          return { buffers: { router }, output: 'router', encode, want, bound };
        },
      },
      {
        name: 'experts_choose',
        make(s, values, random) {
          const { count, used } = expertsOf(s);
          // Of few different values, so that some are alike. None that may become zero: then others would be.
          const router = numbers(s.tokens * count, values === 'denormal' ? 'unit' : values, random, 1e15).map(
            (x, _, all) => (Math.round((4 * x) / Math.abs(all[0] as number)) * Math.abs(all[0] as number)) / 4,
          );
          const want = Array.from({ length: s.tokens }, (_, token) => {
            const row = [...router.subarray(token * count, (token + 1) * count).entries()];
            row.sort(([a, x], [b, y]) => y - x || a - b);
            return row.slice(0, used).map(([expert]) => expert);
          }).flat();
          const encode: KernelCase['encode'] = (op, on) => op.choose(on('chosen'), on('router'));
          const buffers = { router, chosen: poison(want.length) };
          return {
            buffers,
            output: 'chosen',
            encode,
            want: Float64Array.from(want),
            bound: new Float64Array(want.length),
          };
        },
      },
      {
        name: 'experts_pick',
        make(s, values, random) {
          const { count, used } = expertsOf(s);
          const router = numbers(s.tokens * count, values, random);
          const chosen = chosenOf(s, random);
          const want = wide(chosen).map((expert, i) => router[Math.floor(i / used) * count + expert] as number);
          const encode: KernelCase['encode'] = (op, on) => op.pick(on('shares'), on('router'), on('chosen'));
          const buffers = { router, chosen, shares: poison(want.length) };
          return {
            buffers,
            output: 'shares',
            encode,
            want,
            bound: want.map(() => (values === 'denormal' ? FLUSH : 0)),
          };
        },
      },
      {
        name: 'experts_share',
        make(s, values, random) {
          const { used } = expertsOf(s);
          // Of every other token so small that they are divided by the least.
          const shares = numbers(s.tokens * used, values, random).map(
            (x, i) => Math.abs(x) * (Math.floor(i / used) % 2 ? 1e-6 : 1),
          );
          const sum = (row: Float64Array) => row.reduce((x, y) => x + y, 0);
          const want = mapRows(wide(shares), used, (row) => row.map((x) => x / Math.max(sum(row), LEAST)));
          const bound = relative(want, used * U + DIVISION).map((error) => error + FLUSH / LEAST);
          const encode: KernelCase['encode'] = (op, on) => op.share(on('shares'));
          return { buffers: { shares }, output: 'shares', encode, want, bound };
        },
      },
      {
        name: 'experts_weigh',
        make(s, values, random) {
          const { used } = expertsOf(s);
          const down = numbers(s.tokens * used * s.embd, values, random);
          const shares = numbers(s.tokens * used, 'unit', random);
          const want = wide(down).map((y, i) => y * (shares[Math.floor(i / s.embd)] as number)); // * is correctly rounded
          const encode: KernelCase['encode'] = (op, on) => op.weigh(on('down'), on('shares'));
          const bound = relative(want, U).map((error) => error + FLUSH);
          return { buffers: { down, shares }, output: 'down', encode, want, bound };
        },
      },
      {
        name: 'experts_sum',
        make(s, values, random) {
          const { used } = expertsOf(s);
          const down = numbers(s.tokens * used * s.embd, values, random);
          const sums = (of: (x: number) => number) =>
            Float64Array.from({ length: s.tokens * s.embd }, (_, i) => {
              const at = Math.floor(i / s.embd) * used * s.embd + (i % s.embd);
              return Array.from({ length: used }, (_, slot) => of(down[at + slot * s.embd] as number)).reduce(
                (x, y) => x + y,
              );
            });
          const want = sums((x) => x);
          const bound = sums(Math.abs).map((size) => used * (U * size + FLUSH));
          const encode: KernelCase['encode'] = (op, on) => op.sumExperts(on('y'), on('down'));
          return { buffers: { down, y: poison(want.length) }, output: 'y', encode, want, bound };
        },
      },
      {
        name: 'experts_add_bias',
        make(s, values, random) {
          const { count, used } = expertsOf(s);
          const y = numbers(s.tokens * used * s.ff, values, random);
          const b = numbers(count * s.ff, values, random);
          const chosen = chosenOf(s, random);
          const want = wide(y).map(
            (x, i) => x + (b[(chosen[Math.floor(i / s.ff)] as number) * s.ff + (i % s.ff)] as number), // + is correctly rounded
          );
          const encode: KernelCase['encode'] = (op, on) => op.addBiasExperts(on('y'), on('b'), on('chosen'), s.ff);
          const bound = relative(want, U).map((error) => error + 2 * FLUSH);
          return { buffers: { y, b, chosen }, output: 'y', encode, want, bound };
        },
      },
      {
        name: 'swiglu_oai',
        make(s, values, random) {
          const { used } = expertsOf(s);
          const gate = numbers(s.tokens * used * s.ff, values, random, 100).map((x) => 10 * x);
          const up = numbers(gate.length, values, random, 100).map((x) => 10 * x);
          const bounded = (x: number) => Math.max(-7, Math.min(7, x));
          const sigmoidOf = (g: number) => g / (1 + Math.exp(-1.702 * g));
          const want = wide(gate).map((x, i) => sigmoidOf(Math.min(7, x)) * (bounded(up[i] as number) + 1));
          const bound = want.map((y, i) => {
            const g = 1.702 * Math.min(7, gate[i] as number);
            if (g < -87) return Math.abs(y) + FLUSH; // e⁻ᵍ leaves f32's range: 0
            // exp and what it is of count by their share of the sum; then +, /, the other + and *.
            const share = (exponential(g) + 2 * U * Math.abs(g)) / (1 + Math.exp(g));
            return Math.abs(y) * (share + 3 * U + DIVISION) + 9 * FLUSH;
          });
          const encode: KernelCase['encode'] = (op, on) => op.swigluOai(on('gate'), on('up'));
          return { buffers: { gate, up }, output: 'gate', encode, want, bound };
        },
      },
    ] satisfies Unshaped[]
  ).map((kernel) => ({ ...kernel, shapes }));
