import { rangesOf } from '@llama-probe/dump/stage';
import type { Part, Range } from './where.js';

/** What more parts than this are called is scattered. */
const MAX_PARTS = 8;

/** Which parts of the rows are wrong. */
export interface Parts {
  readonly heads: readonly Range[] | null;
  readonly columnsIn: 'row' | 'head';
  readonly columns: readonly Part[];
}

/**
 * The wrong columns in words of heads and parts.
 *
 * @param columns 1 where a column is wrong (width) @param rows in how many rows: in one alone some columns are right by chance
 * @example partsOf(Uint8Array.of(1, 1, 0, 0, 1, 1, 0, 0), 2, 5) // heads 0 to 1, the first half of each head
 */
export function partsOf(columns: Uint8Array, heads: number, rows: number): Parts {
  const inRow = parts(columns, 'row', rows);
  if (heads === 1) return { heads: null, columnsIn: 'row', columns: inRow };
  const size = columns.length / heads;
  const wrong = Array.from({ length: heads }, (_, head) => head).filter((head) =>
    columns.subarray(head * size, (head + 1) * size).includes(1),
  );
  const whole = inRow.length === 1 && inRow[0]?.from === 0 && inRow[0].to === columns.length - 1;
  const folded = whole ? undefined : fold(columns, wrong, size);
  return {
    heads: rangesOf(wrong),
    columnsIn: folded ? 'head' : 'row',
    columns: folded ? parts(folded, 'head', rows) : inRow,
  };
}

/** The columns within a head, if they are nearly the same in every wrong head. (size) */
function fold(columns: Uint8Array, heads: readonly number[], size: number): Uint8Array | undefined {
  const folded = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const share = heads.filter((head) => columns[head * size + i]).length / heads.length;
    if (share > 0.2 && share < 0.8) return undefined;
    folded[i] = share > 0.5 ? 1 : 0;
  }
  return folded;
}

function parts(columns: Uint8Array, unit: 'row' | 'head', rows: number): Part[] {
  const width = columns.length;
  const wrong: number[] = [];
  for (let i = 0; i < width; i++) if (columns[i]) wrong.push(i);
  const stripes = everyOther(wrong);
  if (stripes) return [stripes];
  const runs = rangesOf(wrong);
  const merged = merge(runs, width, rows);
  const dense = merged.every(([from, to]) => {
    let inside = 0;
    for (let i = from; i <= to; i++) inside += columns[i] as number;
    return inside >= 0.75 * (to - from + 1);
  });
  const ranges = dense ? merged : runs;
  return ranges.length > MAX_PARTS ? [] : ranges.map(([from, to]) => ({ from, to, what: what(from, to, width, unit) }));
}

/** The even or the odd columns, if it is them. */
function everyOther(wrong: readonly number[]): Part | undefined {
  const [from, to] = [wrong[0] ?? 0, wrong.at(-1) ?? 0];
  if (wrong.length < 8) return undefined;
  const half = (to - from) / 2;
  const same = wrong.filter((i) => (i - from) % 2 === 0).length;
  if (same < 0.9 * half || wrong.length - same > 0.1 * half) return undefined;
  return { from, to, what: from % 2 === 0 ? 'even columns' : 'odd columns' };
}

/** Closes the gaps of values that are right by chance. */
function merge(runs: readonly Range[], width: number, rows: number): Range[] {
  const merged: [number, number][] = [];
  for (const [from, to] of runs) {
    const last = merged.at(-1);
    const gap = last ? from - last[1] - 1 : 0;
    if (last && (gap <= 2 || gap <= 0.05 * (to - last[0] + 1))) last[1] = to;
    else merged.push([from, to]);
  }
  const [only] = merged;
  if (rows === 1 && only && merged.length === 1 && only[1] - only[0] >= 0.9 * width) {
    if (only[0] <= 2) only[0] = 0;
    if (only[1] >= width - 3) only[1] = width - 1;
  }
  return merged;
}

/** What a part of a row or head is, or null. */
function what(from: number, to: number, width: number, unit: 'row' | 'head'): string | null {
  const size = to - from + 1;
  if (size === width) return `the whole ${unit}`;
  if (2 * size === width && size > 1 && (from === 0 || from === size)) {
    return `the ${from === 0 ? 'first' : 'second'} half of ${unit === 'head' ? 'each head' : 'the row'}`;
  }
  const tailOf = [256, 128, 64, 32].find((full) => width > full && width % full === size);
  if (tailOf && to === width - 1) return `the tail after the last full ${tailOf}`;
  const block = [256, 32].find((block) => from % block === 0 && size % block === 0);
  if (!block) return null;
  const [first, last] = [from / block, (to + 1) / block - 1];
  const group = (size === 64 || size === 128) && from % size === 0 ? `: one group of ${size}` : '';
  if (first === last) return `block ${first} of ${block} values`;
  return `blocks ${first} ${last === first + 1 ? 'and' : 'to'} ${last} of ${block} values${group}`;
}
