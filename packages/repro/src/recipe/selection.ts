import { isInner, type OracleConfig, type StageCase, type StageOperation } from '@llama-probe/oracle';

/** The rows of a case, and the columns of its stage, that are kept. */
export interface Selection {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** What an operation's node says of the model, or else the model. */
export const configOf = (c: StageCase, { config = c.model.config }: StageOperation): OracleConfig => config;

/** How many positions the last row of a case may see. */
export const seenBy = (c: StageCase): number => c.firstPosition + c.rows;

/** How many neighbouring columns belong together: an operation makes all of them or none. @param width of the stage's rows */
export function unitOf(c: StageCase, operation: StageOperation, width: number): number {
  const { embeddingLength, headDim } = configOf(c, operation);
  const inner = operation.inputs.filter(isInner).map((one) => unitOf(c, one, width));
  switch (operation.op) {
    case 'get-rows':
    case 'product':
    case 'row-sum':
    case 'chosen':
    case 'expert-product':
      return 1;
    case 'rms-norm':
    case 'probabilities':
      return Math.max(embeddingLength, ...inner);
    case 'rope':
    case 'values':
      return headDim;
    case 'scores':
    case 'soft-max':
      return seenBy(c);
    case 'weighted':
    case 'expert-sum':
      return inner.length > 0 || operation.op === 'weighted' ? width : 1;
    default:
      return Math.max(1, ...inner);
  }
}

const FEW = [4, 16, 64]; // columns

/**
 * Selections of a case from small to large: the worst row and the worst of its columns, or its worst head; then more of them; at last everything.
 *
 * @param error how far each value is off, (rows, width); NaN is as far as can be @param right (rows, width)
 */
export function* selections(
  error: Float64Array,
  right: Float32Array,
  rows: number,
  unit: number,
): Generator<Selection> {
  const width = right.length / rows;
  const size = (row: number) => (values: ArrayLike<number>, of: readonly number[]) =>
    Math.sqrt(of.reduce((sum, column) => sum + square(values[row * width + column] as number), 0));
  const all = Array.from({ length: width }, (_, column) => column);
  const off = (row: number, of: readonly number[]) => size(row)(error, of) / (size(row)(right, of) || 1);
  // Of rows that are about as wrong, the one with the largest error: the first row of attention sees a single position.
  const relative = Array.from({ length: rows }, (_, one) => off(one, all));
  const half = Math.max(...relative) / 2;
  const row = worst(rows, (one) => ((relative[one] as number) >= half ? size(one)(error, all) : -1));
  const units = Array.from({ length: Math.ceil(width / unit) }, (_, i) => all.slice(i * unit, (i + 1) * unit));
  const byError = [...units].sort((a, b) => size(row)(error, b) - size(row)(error, a));
  for (const few of unit === 1 ? FEW : [1]) {
    if (few < units.length)
      yield {
        rows: [row],
        columns: byError
          .slice(0, few)
          .flat()
          .sort((a, b) => a - b),
      };
  }
  yield { rows: [row], columns: all };
  if (rows > 1) yield { rows: Array.from({ length: rows }, (_, i) => i), columns: all };
}

/** What is hidden is no error; what is no number is as large as any. */
const square = (value: number): number =>
  value === Number.POSITIVE_INFINITY ? 1e30 : Number.isNaN(value) ? 0 : value * value;

function worst(length: number, of: (index: number) => number): number {
  let [at, most] = [0, -1];
  for (let i = 0; i < length; i++) {
    const value = of(i);
    if (value >= most) [at, most] = [i, value];
  }
  return at;
}

/** How far each value is off: infinitely where it should be a number and is none; NaN where the mask hides it. */
export function errorOf(wrong: Float32Array, right: Float32Array): Float64Array {
  return Float64Array.from(right, (value, i) => {
    const delta = Math.abs((wrong[i] as number) - value);
    return Number.isNaN(value) ? Number.NaN : Number.isFinite(delta) ? delta : Number.POSITIVE_INFINITY;
  });
}

/** These rows and columns of a tensor. */
export function selected(values: ArrayLike<number>, width: number, { rows, columns }: Selection): Float64Array {
  const out = new Float64Array(rows.length * columns.length);
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      out[i * columns.length + j] = values[row * width + column] as number;
    });
  });
  return out;
}
