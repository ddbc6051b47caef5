import { dot, rowOf } from '../../operations.js';
import { orderOf } from '../look-up/order.js';
import { tokens } from '../look-up/rows.js';
import { heldTo, type Idea, type Wrong } from '../wrong.js';
import { inputsOf } from './inputs.js';

/** What the limit of rows is, at most, in which a number is looked for among many. */
const EXACT = 1e-4;

/** So many rows a number that is looked for among many must fit. */
const ENOUGH = 3;

/** What each row is divided by, solved for: another epsilon, another row's, the mean of a part. */
export function* norm(wrong: Wrong): Generator<Idea> {
  const { c, sick, rows } = wrong;
  const [input] = inputsOf(c);
  const { embeddingLength: n, rmsEpsilon } = c.model.config;
  if (!input || input.rows.length !== sick.length) return;
  const x = input.rows;
  const count = x.length / n; // a row may have several, as Q has heads
  const row = (i: number) => rowOf(x, n, i);
  const square = Float64Array.from({ length: count }, (_, i) => dot(row(i), row(i)) / n);
  const compute = (under: (i: number) => number) => x.map((value, i) => value / Math.sqrt(under(Math.floor(i / n))));
  yield* epsilons(wrong, (epsilon) => compute((i) => (square[i] as number) + epsilon));
  yield {
    text: `the divisor is the sum of squares, not their mean over ${n}`,
    rows: compute((i) => n * (square[i] as number) + rmsEpsilon),
  };
  const mean = square.reduce((a, b) => a + b) / count;
  if (count > 1)
    yield {
      text: 'all rows are divided by one root mean square, that of all of them',
      rows: compute(() => mean + rmsEpsilon),
    };
  const largest = Float64Array.from(square, (_, i) => row(i).reduce((a, b) => Math.max(a, Math.abs(b)), 0));
  yield { text: 'each row is divided by its largest magnitude', rows: compute((i) => (largest[i] as number) ** 2) };

  const under = Float64Array.from(square, (_, i) => underRoot(sick.subarray(i * n, (i + 1) * n), row(i)) - rmsEpsilon);
  if (wrong.limits.rel > EXACT) return; // where so much is noise many would fit
  yield* ofAPart(wrong, x, n, under, compute, rmsEpsilon);
  if (count !== rows || rows < ENOUGH) return;
  const near = (a: number, b: number) => Math.abs(a - b) <= 20 * wrong.limits.rel * b;
  const sources = Array.from(under, (value) =>
    Array.from(square.keys()).filter((i) => near(value, square[i] as number)),
  );
  const order = orderOf(sources, tokens(wrong));
  const moved = sources.filter((own, i) => !own.includes(i)).length;
  if (!order || moved < ENOUGH) return;
  yield {
    text: `of the root mean squares that the rows are divided by, ${order.text}`,
    rows: compute((i) => (square[order.from[i] as number] as number) + rmsEpsilon),
  };
}

/** What people write. */
const EPSILONS = [0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3];

/** Another epsilon; of those that these rows cannot tell apart the largest, as a bound. */
function* epsilons(wrong: Wrong, compute: (epsilon: number) => Float64Array): Generator<Idea> {
  const { rmsEpsilon } = wrong.c.model.config;
  const ideas = EPSILONS.filter((epsilon) => Math.abs(epsilon - rmsEpsilon) > 1e-3 * rmsEpsilon).map((epsilon) => ({
    epsilon,
    rows: compute(epsilon),
  }));
  const held = ideas.filter(({ rows }) => heldTo(wrong, { text: '', rows }) !== undefined);
  const last = held.at(-1);
  if (!last) return;
  const small = last.epsilon === 0 ? '0' : last.epsilon.toExponential();
  yield { text: `the epsilon is ${small}${held.length > 1 ? ' or less' : ''}`, rows: last.rows };
}

/** What must have been under the root, by least squares. */
function underRoot(sick: Float32Array, x: Float64Array): number {
  let [both, square] = [0, 0];
  sick.forEach((value, i) => {
    both += value * (x[i] as number);
    square += (x[i] as number) ** 2;
  });
  return (square / both) ** 2;
}

/** The mean square of a row's first columns alone, or their sum divided by the length of the row. */
function* ofAPart(
  { limits }: Wrong,
  x: Float64Array,
  n: number,
  under: Float64Array,
  compute: (under: (i: number) => number) => Float64Array,
  epsilon: number,
): Generator<Idea> {
  if (under.length < ENOUGH) return;
  const sums = Float64Array.from(x); // of the squares up to each column
  for (let i = 0; i < sums.length; i++) sums[i] = (x[i] as number) ** 2 + (i % n === 0 ? 0 : (sums[i - 1] as number));
  for (let part = 1; part < n; part++) {
    for (const [over, text] of [
      [part, `the mean is that of the first ${part} of ${n} columns`],
      [n, `only the first ${part} of ${n} columns are summed for the mean`],
    ] as const) {
      const of = (i: number) => (sums[i * n + part - 1] as number) / over;
      const isNear = (i: number) => Math.abs((under[i] as number) - of(i)) <= 20 * limits.rel * of(i);
      if (isNear(0) && isNear(1) && isNear(2)) yield { text, rows: compute((i) => of(i) + epsilon) };
    }
  }
}
