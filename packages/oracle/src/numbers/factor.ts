import type { Form } from './constants/forms.js';
import { formsOf, withValue } from './constants/forms.js';
import { quantitiesOf } from './constants/quantities.js';
import { recognise } from './constants/recognise.js';
import { filled } from './filled.js';
import { inRanges } from './words.js';
import { type Idea, positionOf, type Wrong } from './wrong.js';

/** What may be multiplied by one number, and how many of it there are. */
interface Units {
  readonly count: number;
  of(index: number): number;
  inWords(wrong: readonly number[]): string;
}

/** The right rows times a number that somebody would have written: all of them, those of some tokens, or some heads. */
export function* factor(wrong: Wrong): Generator<Idea> {
  const forms = formsOf(wrong.c, quantitiesOf(wrong.c, wrong.width));
  for (const units of unitsOf(wrong)) {
    const fits = fitsOf(wrong, units);
    const off = fits.filter(({ rel }) => rel > wrong.limits.rel);
    if (off.length === 0) continue;
    const form = commonForm(wrong, off, forms);
    if (form) {
      const values = new Map(off.map(({ unit }) => [unit, form.value]));
      const indices = off.map(({ unit }) => unit);
      yield { text: inWords(units.inWords(indices), form), rows: times(wrong, units, values) };
    }
  }
  yield* byPosition(wrong);
}

const inWords = (units: string, form: Form): string =>
  `${units} ${withValue(form)} times the right values${form.meaning === undefined ? '' : `: ${form.meaning}`}`;

function unitsOf(wrong: Wrong): Units[] {
  const { rows, width, heads } = wrong;
  const head = (i: number) => Math.floor(((i % width) * heads) / width);
  const row = (i: number) => Math.floor(i / width);
  const of = (one: string, many: string, units: readonly number[]) =>
    units.length === 1 ? `${one} ${units[0]} is` : `${many} ${inRanges(units)} are`;
  const inRows = (units: readonly number[]) =>
    of(
      'the row of token',
      'the rows of tokens',
      units.map((unit) => positionOf(wrong, unit)),
    );
  return [
    { count: 1, of: () => 0, inWords: () => 'all rows are' },
    ...(rows > 1 ? [{ count: rows, of: row, inWords: inRows }] : []),
    ...(heads > 1
      ? [{ count: heads, of: head, inWords: (units: readonly number[]) => of('head', 'heads', units) }]
      : []),
  ];
}

/** The number that a unit's right values are multiplied by, by least squares. */
interface Fit {
  readonly unit: number;
  readonly value: number;
  /** ‖sick − right‖ / ‖right‖ */
  readonly rel: number;
  /** What remains, of ‖sick‖². */
  readonly rest2: number;
  readonly sick2: number;
  readonly right2: number;
}

function fitsOf({ sick, right, hidden }: Wrong, units: Units): Fit[] {
  const [right2, sick2, both, delta2] = [0, 0, 0, 0].map(() => new Float64Array(units.count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  sick.forEach((x, i) => {
    if (hidden[i]) return;
    const [unit, y] = [units.of(i), right[i] as number];
    right2[unit] = (right2[unit] as number) + y * y;
    sick2[unit] = (sick2[unit] as number) + x * x;
    both[unit] = (both[unit] as number) + x * y;
    delta2[unit] = (delta2[unit] as number) + (x - y) ** 2;
  });
  return Array.from(right2, (own, unit) => {
    const value = (both[unit] as number) / own;
    const rest2 = Math.max(0, (sick2[unit] as number) - value * (both[unit] as number));
    const rel = Math.sqrt((delta2[unit] as number) / own);
    return { unit, value, rel, rest2, sick2: sick2[unit] as number, right2: own };
  }).filter(({ value }) => Number.isFinite(value));
}

/** How exactly a fitted number is known: to single precision at best, and to what the rows leave over. */
export function uncertainty(rest2: number, sick2: number, rows: number): number {
  return Math.max(2e-7, 4 * Math.sqrt(rest2 / sick2 / rows) || 0);
}

function commonForm({ rows }: Wrong, fits: readonly Fit[], forms: readonly Form[]): Form | undefined {
  const sum = (field: 'right2' | 'rest2' | 'sick2') => fits.reduce((total, fit) => total + fit[field], 0);
  const right2 = sum('right2');
  const value = fits.reduce((total, fit) => total + (fit.value * fit.right2) / right2, 0);
  const spread2 = fits.reduce((total, fit) => total + (fit.value - value) ** 2 * fit.right2, 0);
  const form = recognise(value, uncertainty(sum('rest2') + spread2, sum('sick2'), rows), forms);
  return form && form.value !== 0 && form.value !== 1 ? form : undefined;
}

function times({ right }: Wrong, units: Units, values: ReadonlyMap<number, number>): Float64Array {
  return filled(right.length, (i) => (right[i] as number) * (values.get(units.of(i)) ?? 1));
}

/** What each row may be multiplied by, by its position p. */
const BY_POSITION: Readonly<Record<string, (position: number) => number>> = {
  'p + 1': (p) => p + 1,
  '1/(p + 1)': (p) => 1 / (p + 1),
  '√(p + 1)': (p) => Math.sqrt(p + 1),
  '1/√(p + 1)': (p) => 1 / Math.sqrt(p + 1),
  p: (p) => p,
};

function* byPosition(wrong: Wrong): Generator<Idea> {
  const { rows, width, right } = wrong;
  if (rows < 3) return;
  for (const [formula, of] of Object.entries(BY_POSITION)) {
    yield {
      text: `the row of position p is ${formula} times the right one`,
      rows: filled(right.length, (i) => (right[i] as number) * of(positionOf(wrong, Math.floor(i / width)))),
    };
  }
}
