import { isExplained, MOST, mayRemain } from './explain.js';
import type { Region, WrongRow } from './region.js';

/** A stretch of a row in which values may have changed places: a head, a block, or all of it. */
export interface Unit {
  readonly row: WrongRow;
  readonly start: number;
}

/** Where the candidate's value at `i` of a unit stands in the reference, counted from the unit's start. */
export type Source = (i: number) => number;

/** An order is tried on so many values of one unit, then on so many rows or values, and then on all. */
const PROBED = 64;
const ROWS = 32;
const VALUES = 1 << 20;

/** How many times as much may be left over where only a few values are summed. */
const SLACK = 4;

/** The units that hold a wrong value. @param at only those that start there */
export function unitsOf(rows: readonly WrongRow[], size: number, at?: number): Unit[] {
  return rows.flatMap((row) => {
    const units: Unit[] = [];
    for (let start = at ?? 0; start < row.wrong.length; start += size) {
      if (row.wrong.subarray(start, start + size).includes(1)) units.push({ row, start });
      if (at !== undefined) break;
    }
    return units;
  });
}

/**
 * A test of orders: whether the candidate's values are the reference's in that order, in all units of a size. Most orders fail
 * on the first few values.
 *
 * @param at only the units that start there
 * @example const fits = orderTest(region, 1e-5, 64); fits((i) => 63 - i)
 */
export function orderTest(region: Region, limit: number, size: number, at?: number): (source: Source) => boolean {
  const { rows, width } = region;
  const wrong = rows.filter((row) => unitsOf([row], at === undefined ? width : size, at).length > 0);
  const some = unitsOf(spread(wrong, Math.min(ROWS, Math.ceil(VALUES / width))), size, at);
  const most = allowance(some, size, limit);
  const probe = some.slice(some.length >> 1).slice(0, 1);
  const step = Math.ceil(size / PROBED);
  const probed = (SLACK ** 2 * most.rest2 * Math.ceil(size / step)) / most.count;
  return (source) => {
    if (!fits(probe, size, probed, source, step) || !fits(some, size, most.rest2, source)) return false;
    const all = unitsOf(wrong, size, at);
    return fits(all, size, allowance(all, size, limit).rest2, source);
  };
}

/** The square sum of what may be left over, and in how many values. */
function allowance(units: readonly Unit[], size: number, limit: number): { rest2: number; count: number } {
  let [error2, signal2, count] = [0, 0, 0];
  for (const { row, start } of units) {
    for (let i = start; i < start + size; i++) {
      const right = row.reference[i] as number;
      const error = (row.candidate[i] as number) - right;
      if (!Number.isFinite(error)) continue; // hidden by the mask
      error2 += (error / row.rms) ** 2;
      signal2 += (right / row.rms) ** 2;
      count++;
    }
  }
  return { rest2: mayRemain(Math.sqrt(error2 / count), Math.sqrt(signal2 / count), limit) ** 2 * count, count };
}

/** @param most what may be left over, as square sum @param step every how many values */
function fits(units: readonly Unit[], size: number, most: number, source: Source, step = 1): boolean {
  let left = most;
  let wrong = 0;
  let explained = 0;
  for (const { row, start } of units) {
    const { candidate, reference, rms } = row;
    for (let i = 0; i < size; i += step) {
      const value = candidate[start + i] as number;
      const error = value - (reference[start + i] as number);
      if (!Number.isFinite(error)) continue;
      const rest = value - (reference[start + source(i)] as number);
      left -= (rest / rms) ** 2;
      if (!(left >= 0)) return false;
      if (!row.wrong[start + i]) continue;
      wrong++;
      if (isExplained(rest, error)) explained++;
    }
  }
  return units.length > 0 && explained >= MOST * wrong;
}

/** At most `most` of the items, evenly spaced. */
export function spread<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)] as T);
}
