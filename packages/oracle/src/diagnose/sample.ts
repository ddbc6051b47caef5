import { operationOf, type StageCase } from '../case.js';
import { computeStage } from '../compute.js';
import { isInner, type Operation, type StageOperation } from '../stage-operations.js';
import type { Variation } from '../variation.js';

/** A part of a stage: its sick rows, its right rows, and what they are recomputed from. */
export interface Sample {
  /** Computed one after another, each with all the columns. */
  readonly parts: readonly StageCase[];
  /** All columns if undefined. */
  readonly columns?: Int32Array;
  readonly width: number;
  readonly sick: Float32Array; // (rows of all parts, width)
  readonly right: Float32Array; // as sick
  /** As sick: 1 for a value that the mask hides. */
  readonly hidden: Uint8Array;
}

/** Operations that read all positions so far: only the last rows can be computed without the others. */
const ATTENTION: ReadonlySet<Operation> = new Set(['scores', 'soft-max', 'values']);

const isAttention = (c: StageCase): boolean => hasAny(operationOf(c), ATTENTION);

/** Whether one of these is the operation, or is computed on the way to it. */
const hasAny = ({ op, inputs }: StageOperation, ops: ReadonlySet<Operation>): boolean =>
  ops.has(op) || inputs.some((input) => isInner(input) && hasAny(input, ops));

/** The stage as a whole. */
export function wholeStage(c: StageCase, sick: Float32Array, right: Float32Array): Sample {
  return { parts: [c], width: right.length / c.rows, sick, right, hidden: hiddenBy(c, sick, right) };
}

// llama.cpp computes the scores that the mask hides, an engine need not: they are not part of the stage.
function hiddenBy(c: StageCase, sick: Float32Array, right: Float32Array): Uint8Array {
  const isScores = operationOf(c).op === 'scores';
  return Uint8Array.from(right, (value, i) =>
    Number.isNaN(value) && (isScores || Number.isNaN(sick[i] as number)) ? 1 : 0,
  );
}

/**
 * All rows of the stage. If it is a product of a large weight, only as many columns as take a few milliseconds: the worst, and others
 * evenly spread.
 */
export function someColumns(whole: Sample): Sample {
  const c = whole.parts[0] as StageCase;
  // Reading a weight takes as long as sixteen multiplications.
  const most = Math.max(32, Math.min(256, Math.floor(2 ** 22 / ((c.rows + 16) * inputWidth(c)))));
  return isProduct(c) && whole.width > most ? { ...whole, ...columnsOf(whole, worstColumns(whole, most)) } : whole;
}

/** A few rows, and if it is a product a few columns: what a parameter is searched on, hundreds of times. */
export function fewRows(whole: Sample): Sample {
  const c = whole.parts[0] as StageCase;
  const rows = searchedRows(whole);
  const some = rowsOf(whole, rows);
  if (isProduct(c)) {
    const chosen = { ...some, parts: [withRows(c, rows, c.firstPosition)] };
    return whole.width > 16 ? { ...chosen, ...columnsOf(chosen, worstColumns(chosen, 16)) } : chosen;
  }
  const parts = isAttention(c)
    ? [withRows(c, rows, c.firstPosition + (rows[0] ?? 0))]
    : rows.map((row) => withRows(c, [row], c.firstPosition + row));
  return { ...some, parts };
}

/** The values of a sample, recomputed. */
export function recompute(sample: Sample, variation: Variation = {}): Float64Array {
  const [first, ...others] = sample.parts.map((part) => computeStage(part, variation, sample.columns));
  if (!first || others.length === 0) return first ?? new Float64Array(0);
  const all = new Float64Array(sample.sick.length);
  let at = 0;
  for (const part of [first, ...others]) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Roughly how many multiplications recomputing takes. */
export function work({ parts, sick }: Sample): number {
  const c = parts[0] as StageCase;
  if (isProduct(c)) return sick.length * inputWidth(c);
  return sick.length * (isAttention(c) ? c.model.config.headDim : 16);
}

/** Whether each column of a stage is the product of its input with a row of a weight. */
export const isProduct = (c: StageCase): boolean =>
  PRODUCTS.has(operationOf(c).op) && !hasAny(operationOf(c), BY_POSITION);

const PRODUCTS: ReadonlySet<Operation> = new Set(['product', 'expert-product']);

const BY_POSITION: ReadonlySet<Operation> = new Set([...ATTENTION, 'rope']);

function inputWidth(c: StageCase): number {
  const [input] = Object.values(c.inputs);
  return (input?.length ?? 0) / c.rows;
}

/** The worst row, the last, and the first two that RoPE turns: near position 0 an angle's residue has only one valley. */
function searchedRows(whole: Sample): number[] {
  const c = whole.parts[0] as StageCase;
  const { rows, firstPosition } = c;
  if (isAttention(c)) return Array.from({ length: Math.min(4, rows) }, (_, i) => rows - Math.min(4, rows) + i);
  const first = firstPosition === 0 ? 1 : 0;
  const chosen = [first, first + 1, worstRow(whole), rows - 1].filter((row) => row < rows);
  return [...new Set(chosen)].sort((a, b) => a - b);
}

function worstRow({ sick, right, width }: Sample): number {
  let worst = { row: 0, rel: -1 };
  for (let row = 0; row * width < right.length; row++) {
    let [delta2, right2] = [0, 0];
    for (let i = row * width; i < (row + 1) * width; i++) {
      const delta = (sick[i] as number) - (right[i] as number);
      delta2 += delta - delta === 0 ? delta * delta : 0;
      right2 += (right[i] as number) ** 2 || 0;
    }
    if (delta2 / right2 > worst.rel) worst = { row, rel: delta2 / right2 };
  }
  return worst.row;
}

/** A quarter of the columns are those with the largest error, the others lie evenly over the width. Ascending. */
function worstColumns({ sick, right, width }: Sample, count: number): Int32Array {
  const error = new Float64Array(width);
  for (let i = 0; i < right.length; i++) {
    const delta = Math.abs((sick[i] as number) - (right[i] as number));
    error[i % width] = (error[i % width] as number) + (delta - delta === 0 ? delta * delta : Number.MAX_VALUE);
  }
  const byError = Int32Array.from({ length: width }, (_, i) => i).sort((a, b) => (error[b] ?? 0) - (error[a] ?? 0));
  const chosen = new Set(byError.subarray(0, count >> 2));
  const spread = count - chosen.size;
  for (let i = 0; i < spread; i++) chosen.add(Math.floor(((i + 0.5) * width) / spread));
  return Int32Array.from(chosen).sort();
}

function columnsOf(sample: Sample, columns: Int32Array): Partial<Sample> {
  const { width } = sample;
  const pick = <A extends Float32Array | Uint8Array>(values: A, into: A): A => {
    for (let i = 0; i < into.length; i++) {
      const row = Math.floor(i / columns.length);
      into[i] = values[row * width + (columns[i % columns.length] as number)] as number;
    }
    return into;
  };
  const length = (sample.sick.length / width) * columns.length;
  return {
    columns,
    width: columns.length,
    sick: pick(sample.sick, new Float32Array(length)),
    right: pick(sample.right, new Float32Array(length)),
    hidden: pick(sample.hidden, new Uint8Array(length)),
  };
}

function rowsOf(sample: Sample, rows: readonly number[]): Sample {
  const { width, sick, right, hidden } = sample;
  const pick = <A extends Float32Array | Float64Array | Uint8Array>(values: A, into: A): A =>
    pickRows(values, width, rows, into);
  const length = rows.length * width;
  return {
    ...sample,
    sick: pick(sick, new Float32Array(length)),
    right: pick(right, new Float32Array(length)),
    hidden: pick(hidden, new Uint8Array(length)),
  };
}

/** Some rows of a case, as if they followed one another. */
function withRows(c: StageCase, rows: readonly number[], firstPosition: number): StageCase {
  const inputs: Record<string, Float64Array> = {};
  for (const [name, values] of Object.entries(c.inputs)) {
    const width = values.length / c.rows;
    inputs[name] = pickRows(values, width, rows, new Float64Array(rows.length * width));
  }
  const last = rows.at(-1) ?? 0;
  return {
    ...c,
    inputs,
    firstPosition,
    rows: rows.length,
    tokens: c.tokens.slice(0, c.tokens.length - (c.rows - 1 - last)),
  };
}

function pickRows<A extends Float32Array | Float64Array | Uint8Array>(
  values: A,
  width: number,
  rows: readonly number[],
  into: A,
): A {
  rows.forEach((row, i) => {
    into.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return into;
}
