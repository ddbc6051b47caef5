import { GGML_TYPES, numberOfType } from '@llama-probe/engine';
import type { GgmlWeights } from '@llama-probe/reference';
import { piecesOf, type Rows } from '../pieces.js';
import type { Index } from '../statistics.js';
import { isGridded } from './grid.js';
import type { Matrix } from './matrix.js';
import { type Measure, measure } from './measure.js';

/** How the values of two matrices are related, once they lie in the same order. */
export type Values =
  | { readonly kind: 'equal' }
  /** They differ in their last bits: the same formula in another order. */
  | { readonly kind: 'close' }
  /** One side is what is left of the other when this type has held it. */
  | { readonly kind: 'rounded'; readonly type: string }
  /** As far apart as rounding to this type makes them; `expected` is what ggml's own rounding makes. */
  | { readonly kind: 'requantised'; readonly type: string; readonly expected: number }
  | { readonly kind: 'scaled'; readonly factor: number }
  | { readonly kind: 'offset'; readonly value: number }
  /** Most rows are as they should be, and these are not. */
  | { readonly kind: 'rows'; readonly rows: number; readonly first: number }
  | { readonly kind: 'differ' };

export interface Related {
  readonly values: Values;
  /** Of all values. */
  readonly measure: Measure;
}

/** How rows are looked at before all of them are. */
const SAMPLE_ROWS = 8;
const SAMPLE_VALUES = 1 << 16;

/** Some rows at the beginning, in the middle and at the end. */
export function sampleOf({ rows, columns }: Pick<Matrix, 'rows' | 'columns'>): Rows[] {
  const many = Math.max(1, Math.min(SAMPLE_ROWS, Math.floor(SAMPLE_VALUES / columns)));
  if (rows <= 3 * many) return piecesOf(rows, columns);
  return [0, Math.floor((rows - many) / 2), rows - many].map((firstRow) => ({ firstRow, rows: many }));
}

/** Two sides whose difference is below this are the same formula in another order; a single wrong value of a large tensor is above it. */
const LAST_BITS = 2 ** -20;
/** What must be left of a difference once a factor or an offset is undone. */
const UNDONE = 1e-5;
/** Beyond this it is no rounding: types of one bit and a half come to 0.6. What underflows has lost everything, and is no likeness. */
const MOST_ROUNDED = 0.7;
/** Rounding differs by implementation and importance matrix: how many times ggml's own, of all values and of a row. */
const ROUNDING = { all: 1.5, row: 3 };

/** Of all values: those of a sample first, so that what is far off costs little. undefined where the sample says no. */
export async function relateAll(ours: Matrix, theirs: Matrix, ggml: GgmlWeights): Promise<Related | undefined> {
  const pieces = sampleOf(ours);
  const sample = await measure(ours, theirs, pieces);
  const held = simple(sample) ? undefined : await rounding(ours, theirs, pieces, sample, ggml);
  const mostly = sample.rowsDiffering * 2 <= sample.rows && ours.rows > 1;
  if (!simple(sample) && !held && !mostly) return undefined;
  const all = await measure(ours, theirs, piecesOf(ours.rows, ours.columns));
  const known = simple(all);
  if (known) return { values: known, measure: all };
  return { values: (held && (await everyRow(ours, held, all))) ?? mostRows(ours, all), measure: all };
}

/** What is wrong where most rows are right. */
function mostRows({ rows }: Matrix, all: Measure): Values {
  const isMost = rows > 1 && all.first !== null && all.rowsDiffering * 2 <= all.rows;
  return isMost ? { kind: 'rows', rows: all.rowsDiffering, first: (all.first as Index).row } : { kind: 'differ' };
}

function simple(found: Measure): Values | undefined {
  if (found.differing === 0) return { kind: 'equal' };
  if (found.bad > 0) return undefined;
  if (found.maxDelta <= LAST_BITS * found.maxAbs && found.rel <= LAST_BITS) return { kind: 'close' };
  if (found.scale.rel < UNDONE && found.scale.factor !== 0) return { kind: 'scaled', factor: found.scale.factor };
  if (found.offset.rel < UNDONE) return { kind: 'offset', value: found.offset.value };
  return undefined;
}

/** A type that may have held one side. */
interface Holding {
  readonly type: string;
  /** The side that it did not hold. */
  readonly other: Matrix;
  /** The side that it held, before and after. */
  readonly before: Matrix;
  readonly after: Pick<Matrix, 'columns' | 'read'>;
}

interface Held {
  readonly values: Extract<Values, { kind: 'requantised' | 'rounded' }>;
  readonly holding: Holding;
}

/** Whether one side is the other when a type has held it, or as far from it as that makes it. */
async function rounding(
  ours: Matrix,
  theirs: Matrix,
  pieces: readonly Rows[],
  found: Measure,
  ggml: GgmlWeights,
): Promise<Held | undefined> {
  if (found.bad > 0 || found.rel > MOST_ROUNDED) return undefined;
  let nearest: Held | undefined;
  for (const holding of holdings(ours, theirs, ggml)) {
    const { type, other, before, after } = holding;
    if ((await measure(other, after, pieces)).differing === 0) return { values: { kind: 'rounded', type }, holding };
    const expected = (await measure(before, after, pieces)).rel;
    if (nearest || found.rel > ROUNDING.all * expected) continue;
    const isFloat = isHalfOrFloat(before.type) && !isHalfOrFloat(type);
    if (isFloat && (await isGridded(other, before, pieces))) continue;
    nearest = { values: { kind: 'requantised', type, expected }, holding };
  }
  return nearest;
}

const isHalfOrFloat = (type: string): boolean => /^(F|BF)\d/.test(type);

/** The types that may have held one side: its partner's own, and the halves that engines compute in. */
function holdings(ours: Matrix, theirs: Matrix, ggml: GgmlWeights): Holding[] {
  const sides = [
    { before: theirs, other: ours },
    { before: ours, other: theirs },
  ];
  return sides.flatMap(({ before, other }) => {
    const { through, columns } = before;
    const types = [...new Set([other.type, 'F16', 'BF16'])].filter((type) => type !== 'F32');
    return types.flatMap((type) => {
      const number = numberOfType(type);
      const known = GGML_TYPES[number];
      if (!through || !known || !ggml.types.get(number)?.makes || columns % known.elements !== 0) return [];
      const read = (firstRow: number, rows: number) => through(number, firstRow, rows);
      return [{ type, other, before, after: { columns, read } }];
    });
  });
}

/** Types whose scales are searched for: of a large tensor all of that takes minutes, so only a sample of it is made; the rest is held to its RMS. */
const SLOW = /_K$|^IQ|^TQ/;
const MANY = 1 << 21; // values

/** What a sample said of rounding, held to all rows. A row that is off further than rounding makes it is named. */
async function everyRow(ours: Matrix, { values, holding }: Held, all: Measure): Promise<Values | undefined> {
  const { other, before, after, type } = holding;
  if (values.kind === 'rounded' && !(SLOW.test(type) && all.count > MANY)) {
    const exact = await measure(other, after, piecesOf(ours.rows, ours.columns));
    return exact.differing === 0 ? values : mostRows(ours, exact);
  }
  const expected = (await measure(before, after, sampleOf(ours))).rel;
  const said: Values = { kind: 'requantised', type, expected };
  if (!all.worst || all.rest > ROUNDING.all * expected) return undefined;
  const { row, rel } = all.worst;
  if (all.rel <= ROUNDING.all * expected && rel <= ROUNDING.row * expected) return said;
  const ofRow = (await measure(before, after, [{ firstRow: row, rows: 1 }])).rel;
  return rel <= ROUNDING.row * ofRow ? said : { kind: 'rows', rows: 1, first: row };
}
