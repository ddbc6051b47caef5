import type { Region } from './region.js';
import type { Group, Kind, Range, Where } from './where.js';

/** What is more than this is counted, not listed. */
const LISTED = 4;

/** From this share on all values are said to be wrong: some are right by chance. */
const EVERY = 0.98;

/**
 * Where the error is and of what kind, as a clause to stand after a colon.
 *
 * @param tokens of all rows, right or wrong
 * @example 'every row but token 0 is wrong, in all 8 heads, every value; they are the right values in another order'
 */
export function sentence(where: Omit<Where, 'text'>, region: Region, tokens: readonly number[]): string {
  if (region.count === 0) return 'no value differs';
  const parts = [rowsInWords(where, region, tokens), headsInWords(where, region), columnsInWords(where, region)];
  const order = where.order && tellsPlaces(where) ? `; places in a head are those of ${IN_HALVES}` : '';
  return `${parts.filter((part) => part).join(', ')}; ${kindInWords(where.kind, region.count)}${order}`;
}

/** @example 'index 5 (the half-split order that the candidate has)' */
export const IN_HALVES = 'the half-split order that the candidate has';

/** Whether the sentence would be another one in another order of the values in a head. */
const tellsPlaces = ({ columns, kind }: Omit<Where, 'text'>): boolean =>
  kind.kind === 'few' ||
  (kind.kind === 'permutation' && kind.order !== null && !kind.order.startsWith('heads ')) ||
  (columns.length > 0 && !columns.some(({ what }) => what?.startsWith('the whole')));

function rowsInWords({ tokens, wrongRows, rows }: Omit<Where, 'text'>, region: Region, all: readonly number[]): string {
  const first = tokens[0]?.[0];
  if (!region.overLimit) return `no row is over the limit, the worst is token ${first}`;
  if (rows === 1) return `token ${first} is wrong`;
  if (wrongRows === rows) return 'every row is wrong';
  if (wrongRows > 1 && wrongRows === rows - 1) {
    const wrong = new Set(region.rows.map(({ token }) => token));
    return `every row but token ${all.find((token) => !wrong.has(token))} is wrong`;
  }
  if (wrongRows === 1) return `only token ${first} is wrong`;
  if (tokens.length > LISTED) return `${wrongRows} of ${rows} rows are wrong, the first is token ${first}`;
  return `tokens ${list(tokens)} are wrong`;
}

function headsInWords({ heads }: Omit<Where, 'text'>, region: Region): string {
  if (!heads) return '';
  const count = heads.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (count === region.heads) return `in all ${count} heads`;
  if (heads.length > LISTED) return `in ${count} of ${region.heads} heads`;
  return `in ${count === 1 ? 'head' : 'heads'} ${list(heads)} of ${region.heads}`;
}

function columnsInWords({ columns, columnsIn, share, heads }: Omit<Where, 'text'>, region: Region): string {
  if (columns.length === 0) return `${percent(share)} of the values, scattered`;
  const filled = region.count / region.comparedThere;
  const values = filled >= EVERY ? 'every value' : `${percent(filled)} of the values`;
  if (columns.some(({ what }) => what?.startsWith('the whole'))) return values;
  const ranges = columns.map((part) => list([[part.from, part.to]]) + (part.what ? ` (${part.what})` : ''));
  const of = heads && !columns[0]?.what?.includes('each head') ? ` of the ${columnsIn}` : '';
  const name = columns.length === 1 && columns[0]?.from === columns[0]?.to ? 'column' : 'columns';
  return `only ${name} ${and(ranges)}${of}${filled >= EVERY ? '' : `, ${values} there`}`;
}

const EACH: Record<Group, string> = {
  row: 'each row',
  head: 'each head',
  'row-and-head': 'each head of each row',
  column: 'each column',
};

/** What the wrong values are: "they". */
function kindInWords(kind: Kind, count: number): string {
  switch (kind.kind) {
    case 'nonfinite':
      if (kind.nan.candidate === count) return 'they are NaN';
      return `among them are ${and([...nonFinite(kind, 'candidate'), ...nonFinite(kind, 'reference')])}`;
    case 'few': {
      const values = kind.values
        .slice(0, LISTED)
        .map(
          (value) =>
            `${number(value.candidate)} instead of ${number(value.reference)} at token ${value.token}, index ${value.index}`,
        );
      if (kind.count > LISTED) values.push(`${kind.count - LISTED} more`);
      return `they are ${and(values)}`;
    }
    case 'zero':
      return 'they are 0';
    case 'constant':
      return `they are all ${number(kind.value)}`;
    case 'constant-per-row':
      return `in each row they are one number, from ${number(kind.from)} to ${number(kind.to)}`;
    case 'clipped':
      if (kind.from === null) return `they are cut off at ${number(kind.to ?? 0)}`;
      if (kind.to === null) return `they are cut off at ${number(kind.from)}, from below`;
      return kind.from === -kind.to
        ? `they are cut off at ±${number(kind.to)}`
        : `they are cut off at ${number(kind.from)} and ${number(kind.to)}`;
    case 'rounded':
      return kind.step === null
        ? `they are the right ones, rounded to ${kind.to}`
        : `they are the right ones, rounded to steps of ${number(kind.step)}`;
    case 'plus-one-of':
      return `${kind.parts === 1 ? 'each row' : `each of the ${kind.parts} parts of a row`} is the right one plus one of ${kind.rows} fixed rows`;
    case 'factor':
      return Math.abs(kind.factor + 1) < 1e-3
        ? 'they are negated'
        : `they are ${factor(kind.factor)} times the right ones`;
    case 'offset':
      return `they are the right ones plus ${number(kind.offset)}`;
    case 'factor-per-row':
    case 'factor-per-head':
    case 'factor-per-row-and-head':
    case 'factor-per-column':
      return `${EACH[groupOf(kind.kind)]} is the right one times a factor of its own, ${factor(kind.from)} to ${factor(kind.to)}`;
    case 'offset-per-row':
    case 'offset-per-head':
    case 'offset-per-row-and-head':
    case 'offset-per-column':
      return `${EACH[groupOf(kind.kind)]} is the right one plus a constant of its own, ${number(kind.from)} to ${number(kind.to)}`;
    case 'other-row':
      return `they are the right values of ${kind.shift === null ? `token ${kind.token}` : shift(kind.shift)}`;
    case 'other-head': {
      const heads = kind.heads.slice(0, LISTED).map(({ head, holds }) => `head ${head} holds those of head ${holds}`);
      return `they are the right values of other heads: ${heads.join(', ')}${kind.heads.length > LISTED ? ', …' : ''}`;
    }
    case 'permutation': {
      const within = { head: ' in each head', block: ' in each block', row: ' in each row', values: ' among all rows' };
      if (!kind.order) return `they are the right values in another order${within[kind.within]}`;
      return `they are the right values in another order (${kind.order}${kind.within === 'head' ? within.head : ''})`;
    }
    case 'sign':
      return 'they have the right magnitudes and the wrong sign';
    case 'uncorrelated':
      return `they have nothing to do with the right ones (cosine ${cosine(kind.cosine)})`;
    case 'mixed':
      return `they correlate with the right ones (cosine ${cosine(kind.cosine)}, relative RMS delta ${kind.rel.toExponential(1)})`;
  }
}

const groupOf = (kind: string) => kind.slice(kind.indexOf('-per-') + '-per-'.length) as Group;

function nonFinite({ nan, inf }: Kind & { kind: 'nonfinite' }, side: 'candidate' | 'reference'): string[] {
  const counts = [nan[side] && `${nan[side]} NaN`, inf[side] && `${inf[side]} Inf`].filter((count) => count);
  return counts.length > 0 ? [`${counts.join(' and ')} of the ${side}`] : [];
}

function shift(tokens: number): string {
  if (Math.abs(tokens) === 1) return tokens > 0 ? 'the next row' : 'the row before';
  return `the row ${Math.abs(tokens)} ${tokens > 0 ? 'later' : 'earlier'}`;
}

function list(ranges: readonly Range[]): string {
  return and(ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)));
}

/** @example and(['a', 'b', 'c']) === 'a, b and c' */
function and(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

const number = (value: number) => String(Number(value.toPrecision(6)));

/** With three digits of what it differs from 1 by. @example factor(1.000100004) === '1.0001' */
function factor(value: number): string {
  const digits = 3 - Math.floor(Math.log10(Math.abs(value - 1)));
  return String(Number(value.toPrecision(Math.min(15, Math.max(6, digits)))));
}

const cosine = (value: number) => value.toPrecision(3);

/** With two digits. @example percent(0.12345) === '12%' */
function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))}%`;
}
