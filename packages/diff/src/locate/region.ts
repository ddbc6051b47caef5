import type { RowPair } from './where.js';

/** A row that is wrong, and which of its values are. */
export interface WrongRow extends RowPair {
  /** The reference's RMS: what the row's errors are measured by. */
  readonly rms: number;
  readonly wrong: Uint8Array; // (width) 1 where the value is wrong
}

/** The wrong values of a stage. Whatever is said about the error is said about them. */
export interface Region {
  /** All rows, ascending by token. */
  readonly all: readonly RowPair[];
  readonly rows: readonly WrongRow[];
  readonly width: number;
  /** 1 where the rows have none. */
  readonly heads: number;
  /** Which columns are wrong in any wrong row. (width) */
  readonly columns: Uint8Array;
  /** The wrong values. */
  readonly count: number;
  /** Values of the wrong rows that were compared, and those of them in wrong columns. */
  readonly compared: number;
  readonly comparedThere: number;
  /** Whether any row is over the limit; if not, the worst one is taken for wrong. */
  readonly overLimit: boolean;
}

/** How many times the limit a value must be off to make its row wrong: noise at the limit has no values so far out. */
const CERTAIN = 8;

/** In a row that is wrong, values off by less than this part of the row's error may still be right. */
const CONTRIBUTES = 1 / 20;

/** Whether there is something to compare: not where both sides are NaN, and not where the mask of `kq` hides. */
const isCompared = (x: number, y: number, masked: boolean) => !(Number.isNaN(y) && (masked || Number.isNaN(x)));

/**
 * Finds the wrong rows, and in them the wrong values.
 *
 * A row is wrong if ‖a−b‖/‖b‖ is over the limit, or if a value is off by `CERTAIN` times the limit. A value's error is measured
 * by √(RMS² + value²): an outlier rounds by its own size. Noise that crosses the limit is told from an error by its column: it
 * is wrong if a value in it is wrong for certain, or if half of its values are over the limit; failing that, if any is.
 */
export function findRegion(
  rows: readonly RowPair[],
  { limit, heads = 1, stage }: { limit: number; heads?: number | undefined; stage?: string | undefined },
): Region {
  const all = [...rows].sort((a, b) => a.token - b.token);
  const width = all[0]?.reference.length ?? 0;
  const masked = stage === 'kq';
  const sizes = all.map((row) => sizeOf(row, masked));
  // A row of zeros must have some measure too.
  const smallest = 1e-6 * Math.sqrt(sizes.reduce((sum, { rms }) => sum + rms * rms, 0) / all.length) || 1;
  const marked: WrongRow[] = [];
  all.forEach((pair, i) => {
    const { rms, rel } = sizes[i] as Size;
    const row = { ...pair, rms: Math.max(rms, smallest), wrong: new Uint8Array(width) };
    if (mark(row, rel, limit, masked)) marked.push(row);
  });
  const overLimit = marked.length > 0;
  if (!overLimit) {
    const worst = sizes.reduce((best, { rel }, i) => (rel > (sizes[best] as Size).rel ? i : best), 0);
    const { rms, rel } = sizes[worst] as Size;
    const pair = all[worst] as RowPair;
    if (rel > 0) marked.push({ ...pair, rms: Math.max(rms, smallest), wrong: new Uint8Array(width) });
  }
  const columns = wrongColumns(marked, width, masked);
  const hasHeads = heads > 1 && width % heads === 0;
  return {
    all,
    rows: marked,
    width,
    heads: hasHeads ? heads : 1,
    columns,
    overLimit,
    ...count(marked, columns, masked),
  };
}

interface Size {
  readonly rms: number;
  readonly rel: number;
}

function sizeOf({ candidate, reference }: RowPair, masked: boolean): Size {
  let delta2 = 0;
  let b2 = 0;
  let finite = 0;
  let nonFinite = false;
  for (let i = 0; i < reference.length; i++) {
    const x = candidate[i] as number;
    const y = reference[i] as number;
    const delta = x - y;
    if (delta - delta !== 0) {
      nonFinite ||= x !== y && isCompared(x, y, masked);
      continue;
    }
    delta2 += delta * delta;
    b2 += y * y;
    finite++;
  }
  const rel = nonFinite ? Number.POSITIVE_INFINITY : delta2 === 0 ? 0 : Math.sqrt(delta2 / b2);
  return { rms: Math.sqrt(b2 / Math.max(1, finite)), rel };
}

const SOME = 1;
const SURE = 2;

/** Marks the values of a row that are off, and says whether the row is wrong. */
function mark({ candidate, reference, rms, wrong }: WrongRow, rel: number, limit: number, masked: boolean): boolean {
  const times = Math.min(CERTAIN, Math.max(1, (rel * CONTRIBUTES) / limit || 1));
  const some = (times * limit) ** 2;
  const sure = (CERTAIN * limit) ** 2;
  let isWrong = rel > limit;
  for (let i = 0; i < reference.length; i++) {
    const x = candidate[i] as number;
    const y = reference[i] as number;
    const delta2 = (x - y) ** 2;
    const size2 = rms * rms + y * y;
    if (delta2 > sure * size2 || (delta2 - delta2 !== 0 && x !== y && isCompared(x, y, masked))) {
      wrong[i] = SURE;
      isWrong = true;
    } else if (delta2 > some * size2) {
      wrong[i] = SOME;
    }
  }
  return isWrong;
}

/** Which columns are wrong; and from here on the marks of the rows are 1 for what is wrong. */
function wrongColumns(rows: readonly WrongRow[], width: number, masked: boolean): Uint8Array {
  const some = new Uint32Array(width);
  const seen = new Uint32Array(width);
  const columns = new Uint8Array(width);
  for (const { candidate, reference, wrong } of rows) {
    for (let i = 0; i < width; i++) {
      if (isCompared(candidate[i] as number, reference[i] as number, masked)) seen[i] = (seen[i] as number) + 1;
      if (wrong[i] === SURE) columns[i] = 1;
      else if (wrong[i] === SOME) some[i] = (some[i] as number) + 1;
    }
  }
  for (let i = 0; i < width; i++) if (some[i] && 2 * (some[i] as number) >= (seen[i] as number)) columns[i] = 1;
  // Errors near the limit, each row's in other columns.
  if (!columns.includes(1)) for (let i = 0; i < width; i++) if (some[i]) columns[i] = 1;
  const nothing = !columns.includes(1);
  for (const { candidate, reference, wrong } of rows) {
    for (let i = 0; i < width; i++) {
      // A row over the limit with no value that stands out: whatever differs in it is the error.
      if (nothing) wrong[i] = Math.abs((candidate[i] as number) - (reference[i] as number)) > 0 ? 1 : 0;
      else wrong[i] = wrong[i] && columns[i] ? 1 : 0;
      if (nothing && wrong[i]) columns[i] = 1;
    }
  }
  return columns;
}

function count(rows: readonly WrongRow[], columns: Uint8Array, masked: boolean) {
  let count = 0;
  let compared = 0;
  let comparedThere = 0;
  for (const { candidate, reference, wrong } of rows) {
    for (let i = 0; i < columns.length; i++) {
      if (!isCompared(candidate[i] as number, reference[i] as number, masked)) continue;
      compared++;
      comparedThere += columns[i] as number;
      count += wrong[i] as number;
    }
  }
  return { count, compared, comparedThere };
}
