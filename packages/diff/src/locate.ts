import { rangesOf } from '@llama-probe/dump/stage';
import { rowInHalves } from './layouts/halves.js';
import { partsOf } from './locate/columns.js';
import { commonFit, correlation } from './locate/fit.js';
import { knownOrder, otherHeads } from './locate/order.js';
import { otherRow } from './locate/other-row.js';
import { findRegion, type Region } from './locate/region.js';
import { clipped, constant, fixedRows, roundedTo } from './locate/shaped.js';
import { anyOrder } from './locate/sorted.js';
import { sentence } from './locate/text.js';
import { few, nonFinite, zero } from './locate/values.js';
import type { Kind, RowPair, Where } from './locate/where.js';

export type { Group, Kind, Part, Range, RowPair, Where, WrongValue } from './locate/where.js';

export interface LocateOptions {
  /** What the relative RMS delta of the stage may be at most. */
  readonly limit: number;
  /** Into how many heads a row divides, where it does. */
  readonly heads?: number | undefined;
  /** In `kq`, NaN of the reference is what the mask hides. */
  readonly stage?: string | undefined;
  /** The tokens of rows that are right and were not kept. */
  readonly right?: readonly number[] | undefined;
  /** The candidate has its heads in half-split order, and these rows have neighbours side by side: columns and orders are told in its own. */
  readonly isHalfSplit?: boolean | undefined;
}

/** What may explain an error, the simplest first. The first one that does is the answer. */
const EXPLANATIONS: readonly ((region: Region, limit: number) => Kind | undefined)[] = [
  nonFinite,
  few,
  zero,
  clipped,
  commonFit,
  constant,
  otherRow,
  otherHeads,
  knownOrder,
  fixedRows,
  roundedTo,
  anyOrder,
];

/**
 * Says where inside a faulty stage the error is, and what the wrong values are to the right ones.
 *
 * @param rows the rows of one stage on both sides, all of one width; at least one
 * @throws RangeError where there is no row, or where rows differ in width
 * @example locate(rows, { limit: 1e-5, heads: 8 }).text // 'every row but token 0 is wrong, in head 3 of 8, every value; they are 0'
 */
export function locate(rows: readonly RowPair[], options: LocateOptions): Where {
  check(rows);
  const { right = [], heads: inHeads } = options;
  const isOwnOrder = options.isHalfSplit === true && inHeads !== undefined;
  const told = isOwnOrder ? rows.map((pair) => inOwnOrder(pair, inHeads)) : rows;
  const region = findRegion(told, options);
  const { count, compared, columns, heads } = region;
  let kind: Kind | undefined;
  for (const explain of EXPLANATIONS) kind ??= explain(region, options.limit);
  const where = {
    tokens: rangesOf(region.rows.map(({ token }) => token)),
    wrongRows: region.rows.length,
    rows: rows.length + right.length,
    ...partsOf(columns, heads, region.rows.length),
    share: compared > 0 ? count / compared : 0,
    kind: kind ?? correlation(region),
    ...(isOwnOrder ? { order: 'half-split' as const } : {}),
  };
  const tokens = [...rows.map(({ token }) => token), ...right].sort((a, b) => a - b);
  return { ...where, text: sentence(where, region, tokens) };
}

const inOwnOrder = ({ token, candidate, reference }: RowPair, heads: number): RowPair => ({
  token,
  candidate: rowInHalves(candidate, heads),
  reference: rowInHalves(reference, heads),
});

function check(rows: readonly RowPair[]): void {
  const width = rows[0]?.reference.length;
  if (width === undefined)
    throw new RangeError('There are no rows to locate an error in: give those of the wrong stage.');
  for (const { token, candidate, reference } of rows) {
    if (candidate.length === width && reference.length === width) continue;
    throw new RangeError(
      `The row of token ${token} has ${candidate.length} values in the candidate and ${reference.length} in the reference, ` +
        `the first row has ${width}: give rows of one width.`,
    );
  }
}
