import { partsOf } from './columns.js';
import { isExplained, MOST, mayRemain } from './explain.js';
import type { Region } from './region.js';
import type { Group, Kind } from './where.js';

/** A number fitted to fewer values says nothing about them. */
const PER_NUMBER = 4;

/** Sums over a group of wrong values: d = candidate − reference, b = reference, each value weighted by w = 1 / RMS² of its row. */
const FIELDS = ['n', 'w', 'wd', 'wdd', 'wb', 'wbb', 'wdb'] as const;
type Sums = Record<(typeof FIELDS)[number], number>;

/** What is fitted, by least squares. `rest2` and `signal2` are square sums of what remains and of what it predicts. */
const MODELS = {
  /** d = (factor − 1) · b */
  factor: {
    fit({ wdd, wbb, wdb }: Sums) {
      const more = wbb > 0 ? wdb / wbb : 0;
      return { value: 1 + more, rest2: wdd - more * wdb, signal2: (1 + more) ** 2 * wbb };
    },
    apply: (factor: number, b: number) => factor * b,
  },
  /** d = offset */
  offset: {
    fit({ w, wd, wdd, wb, wbb }: Sums) {
      const value = wd / w;
      return { value, rest2: wdd - value * wd, signal2: wbb - (wb * wb) / w };
    },
    apply: (offset: number, b: number) => b + offset,
  },
} as const;
type Model = (typeof MODELS)[keyof typeof MODELS];

/** Which wrong values have a number in common. */
interface Grouping {
  readonly count: number;
  readonly of: (row: number, column: number) => number;
}

const GROUPINGS: Record<Group | 'all', (region: Region) => Grouping> = {
  all: () => ({ count: 1, of: () => 0 }),
  row: ({ rows }) => ({ count: rows.length, of: (row) => row }),
  head: ({ heads, width }) => ({ count: heads, of: (_, column) => Math.floor((column * heads) / width) }),
  'row-and-head': ({ rows, heads, width }) => ({
    count: rows.length * heads,
    of: (row, column) => row * heads + Math.floor((column * heads) / width),
  }),
  column: ({ width }) => ({ count: width, of: (_, column) => column }),
};

/** Fewer numbers first. */
const ORDER = [
  ['factor', 'all'],
  ['factor', 'row'],
  ['factor', 'head'],
  ['factor', 'row-and-head'],
  ['offset', 'all'],
  ['offset', 'row'],
  ['offset', 'head'],
  ['factor', 'column'],
  ['offset', 'column'],
] as const satisfies readonly (readonly [keyof typeof MODELS, Group | 'all'])[];

/** A factor or an offset that all wrong values have in common, or those of a row, head or column. */
export function commonFit(region: Region, limit: number): Kind | undefined {
  const sums = new Map<Group | 'all', Float64Array>();
  for (const [name, per] of ORDER) {
    if (region.heads === 1 && (per === 'head' || per === 'row-and-head')) continue;
    const grouping = GROUPINGS[per](region);
    const own = sums.get(per) ?? sumUp(region, grouping);
    sums.set(per, own);
    const range = fit(region, grouping, own, MODELS[name], limit);
    if (!range) continue;
    if (per !== 'all') return { kind: `${name}-per-${per}`, ...range };
    if (name === 'offset') return { kind: name, offset: range.from };
    const isNegated = Math.abs(range.from + 1) < 0.01;
    return isNegated && isScattered(region) ? { kind: 'sign' } : { kind: name, factor: range.from };
  }
  return undefined;
}

/** Scattered, it is no factor of -1: values that keep their sign are right, so only the others are left to fit. */
function isScattered({ count, comparedThere, columns, heads, rows }: Region): boolean {
  return count < 0.9 * comparedThere || partsOf(columns, heads, rows.length).columns.length === 0;
}

/** How the wrong values relate to the right ones where nothing explains them. */
export function correlation(region: Region): Kind {
  const { n, wdd, wbb, wdb } = sumsOf(sumUp(region, GROUPINGS.all(region)), 0);
  const cosine = (wdb + wbb) / Math.sqrt((wdd + 2 * wdb + wbb) * wbb) || 0;
  // Chance alone gives n values a cosine of about 1 / √n.
  const byChance = Math.min(0.5, Math.max(0.1, 4 / Math.sqrt(n)));
  if (Math.abs(cosine) < byChance) return { kind: 'uncorrelated', cosine };
  return { kind: 'mixed', cosine, rel: Math.sqrt(wdd / wbb) };
}

/** The smallest and the largest number fitted, if together they explain the error. */
function fit(region: Region, grouping: Grouping, sums: Float64Array, { fit, apply }: Model, limit: number) {
  const values = new Float64Array(grouping.count);
  const range = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };
  const total = { n: 0, error2: 0, rest2: 0, signal2: 0 };
  for (let group = 0; group < grouping.count; group++) {
    const own = sumsOf(sums, group);
    values[group] = Number.NaN;
    if (own.n < PER_NUMBER) continue;
    const { value, rest2, signal2 } = fit(own);
    values[group] = value;
    range.from = Math.min(range.from, value);
    range.to = Math.max(range.to, value);
    total.n += own.n;
    total.error2 += own.wdd;
    total.rest2 += Math.max(0, rest2);
    total.signal2 += signal2;
  }
  const { n, error2, rest2, signal2 } = total;
  if (!(Math.sqrt(rest2 / n) <= mayRemain(Math.sqrt(error2 / n), Math.sqrt(signal2 / n), limit))) return undefined;
  let explained = 0;
  forEachWrong(region, (a, b, row, column) => {
    const right = apply(values[grouping.of(row, column)] as number, b);
    if (isExplained(a - right, a - b)) explained++;
  });
  return explained >= MOST * region.count ? range : undefined;
}

function forEachWrong({ rows, width }: Region, f: (a: number, b: number, row: number, column: number) => void): void {
  rows.forEach(({ candidate, reference, wrong }, row) => {
    for (let i = 0; i < width; i++) if (wrong[i]) f(candidate[i] as number, reference[i] as number, row, i);
  });
}

/** The sums of each group. (groups, fields) */
function sumUp(region: Region, { count, of }: Grouping): Float64Array {
  const sums = new Float64Array(count * FIELDS.length);
  const weights = region.rows.map(({ rms }) => 1 / (rms * rms));
  forEachWrong(region, (a, b, row, column) => {
    const at = of(row, column) * FIELDS.length;
    const w = weights[row] as number;
    const d = a - b;
    sums[at] = (sums[at] as number) + 1;
    sums[at + 1] = (sums[at + 1] as number) + w;
    sums[at + 2] = (sums[at + 2] as number) + w * d;
    sums[at + 3] = (sums[at + 3] as number) + w * d * d;
    sums[at + 4] = (sums[at + 4] as number) + w * b;
    sums[at + 5] = (sums[at + 5] as number) + w * b * b;
    sums[at + 6] = (sums[at + 6] as number) + w * d * b;
  });
  return sums;
}

function sumsOf(sums: Float64Array, group: number): Sums {
  const at = group * FIELDS.length;
  return Object.fromEntries(FIELDS.map((field, i) => [field, sums[at + i]])) as Sums;
}
