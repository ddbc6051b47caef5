import { biasOf, type StageCase, weightName } from '../../case.js';
import { vectorOf } from '../../variants/weight.js';
import { filled } from '../filled.js';
import type { Idea, Wrong } from '../wrong.js';
import { elsewhere, inputsOf } from './inputs.js';

/** The weight of a norm: another of the file, something else of it, or its own in another order. */
export function* normWeight(wrong: Wrong): Generator<Idea> {
  const { c, sick, limits } = wrong;
  const [input] = inputsOf(c);
  const name = weightName(c);
  const own = name === undefined ? undefined : c.model.weight(name);
  if (!input || !own || input.rows.length !== sick.length) return;
  const [x, w] = [input.rows, vectorOf(own)];
  const size = w.length;
  const solved = byColumn(sick, x, size);
  const compute = (weight: ArrayLike<number>) => x.map((value, i) => value * (weight[i % size] as number));
  const isNear = (weight: Float64Array) =>
    weight.every((value, i) => Math.abs(value - (solved[i] as number)) <= 100 * limits.rel * (1 + Math.abs(value)));
  for (const other of othersOf(c, name as string, size)) {
    const weight = vectorOf(c.model.weight(other) as NonNullable<ReturnType<typeof c.model.weight>>);
    if (isNear(weight)) yield { text: `the weight is that of ${other}`, rows: compute(weight) };
  }
  for (const [text, of] of Object.entries(OF_WEIGHT)) {
    const weight = w.map(of);
    if (isNear(weight)) yield { text: `the weight is ${text}`, rows: compute(weight) };
  }
  yield* elsewhere(wrong, { name: 'the weight', solved, right: w, rows: 1, noise: 4 }, compute);
  const unweighted = filled(sick.length, (i) => (sick[i] as number) / (w[i % size] as number));
  const least = w.reduce((a, b) => Math.min(a, Math.abs(b)), 1);
  if (least < 1e-3) return;
  yield* elsewhere(
    wrong,
    { name: input.name, solved: unweighted, right: x, rows: wrong.rows, noise: 1 / least },
    (rows) => rows.map((value, i) => value * (w[i % size] as number)),
  );
}

const OF_WEIGHT: Readonly<Record<string, (w: number) => number>> = {
  '1: it is not applied': () => 1,
  'its own, plus 1': (w) => 1 + w,
  'its own, minus 1': (w) => w - 1,
  'its own, squared': (w) => w * w,
  '1 divided by its own': (w) => 1 / w,
};

/** What each column is multiplied by, by least squares. (size) */
function byColumn(sick: Float32Array, x: Float64Array, size: number): Float64Array {
  const [both, square] = [new Float64Array(size), new Float64Array(size)];
  sick.forEach((value, i) => {
    const at = i % size;
    both[at] = (both[at] as number) + value * (x[i] as number);
    square[at] = (square[at] as number) + (x[i] as number) ** 2;
  });
  return both.map((value, i) => value / (square[i] as number));
}

const STEMS = ['attn_norm', 'ffn_norm', 'attn_q_norm', 'attn_k_norm', 'post_attention_norm', 'post_ffw_norm'];

/** The other norms of the file that have as many numbers. */
function* othersOf({ model }: StageCase, own: string, size: number): Generator<string> {
  const layers = Array.from({ length: model.layers }, (_, layer) => layer);
  const names = [
    ...layers.flatMap((layer) => STEMS.map((stem) => `blk.${layer}.${stem}.weight`)),
    'output_norm.weight',
  ];
  for (const name of names) if (name !== own && model.weight(name)?.columns === size) yield name;
}

/** The bias of a product: something else of it, or its own in another order. */
export function* bias(wrong: Wrong): Generator<Idea> {
  const found = biasOf(wrong.c);
  if (!found) return;
  const { sick, right, rows } = wrong;
  const b = vectorOf(found);
  const size = b.length;
  const solved = b.slice();
  sick.forEach((value, i) => {
    solved[i % size] = (solved[i % size] as number) + (value - (right[i] as number)) / rows;
  });
  const compute = (other: ArrayLike<number>) =>
    filled(right.length, (i) => (right[i] as number) + (other[i % size] as number) - (b[i % size] as number));
  yield { text: 'the bias is not added', rows: compute(new Float64Array(size)) };
  yield { text: 'the bias is added twice', rows: compute(b.map((value) => 2 * value)) };
  yield { text: 'the bias is subtracted', rows: compute(b.map((value) => -value)) };
  yield* elsewhere(wrong, { name: 'the bias', solved, right: b, rows: 1, noise: 10 }, compute);
}
