import { computeStage } from '../../compute.js';
import { filled } from '../filled.js';
import { type Called, orderOf } from '../look-up/order.js';
import type { Idea, Wrong } from '../wrong.js';

/** More values are not turned. */
const MOST = 3e7;

/** Positions beyond the run that are tried too. */
const BEYOND = 2;

/** The positions that rows were turned for. */
export function* positions(wrong: Wrong): Generator<Idea> {
  const { c, sick, right, rows, width } = wrong;
  const count = c.firstPosition + rows + BEYOND;
  if (count * sick.length > MOST) return;
  const turned = Array.from({ length: count }, (_, position) => computeStage(c, { rope: { position } }));
  const sources = Array.from({ length: c.firstPosition + rows }, (_, position) => {
    const row = position - c.firstPosition;
    if (row < 0) return [position];
    return turned.flatMap((all, at) => (isSame(wrong, all, row) ? [at] : []));
  });
  const order = orderOf(sources, POSITIONS);
  if (!order) return;
  yield {
    text: order.text,
    rows: filled(right.length, (i) => {
      const own = c.firstPosition + Math.floor(i / width);
      return turned[order.from[own] as number]?.[i] ?? Number.NaN;
    }),
  };
}

const POSITIONS: Called = {
  one: 'position',
  many: 'positions',
  before: ['the token at ', 'the tokens at '],
  verb: ['is turned for', 'are turned for'],
  number: (position) => position,
};

function isSame({ sick, width, limits }: Wrong, turned: Float64Array, row: number): boolean {
  let [delta2, size2] = [0, 0];
  for (let i = row * width; i < (row + 1) * width; i++) {
    delta2 += ((sick[i] as number) - (turned[i] as number)) ** 2;
    size2 += (turned[i] as number) ** 2;
  }
  return delta2 <= limits.row ** 2 * size2;
}
