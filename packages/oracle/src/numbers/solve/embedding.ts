import { weightName } from '../../case.js';
import { weightAt, weightRow } from '../../variants/weight.js';
import { type Idea, positionOf, type Wrong } from '../wrong.js';

/** A row is told by so many of its values, and then by all of them. */
const TOLD_BY = 4;

/** Rows that are listed. */
const LISTED = 4;

/** The ids whose embeddings the wrong rows are. */
export function* ids(wrong: Wrong): Generator<Idea> {
  const { c, sick, right, rows, width, limits } = wrong;
  const name = weightName(c);
  const table = name === undefined ? undefined : c.model.weight(name);
  if (!table || table.columns !== width) return;
  const columns = Array.from({ length: TOLD_BY }, (_, i) => Math.floor(((i + 0.5) * width) / TOLD_BY));
  const rms = Math.sqrt(right.reduce((sum, value) => sum + value * value, 0) / right.length);
  const isNear = (a: number, b: number) => Math.abs(a - b) <= 8 * limits.rel * (rms + Math.abs(b));
  const own = c.tokens.slice(-rows);
  const wrongRows = Array.from({ length: rows }, (_, row) => row).filter((row) => {
    const at = row * width;
    return columns.some((column) => !isNear(sick[at + column] as number, right[at + column] as number));
  });
  const told = new Map<number, number[]>(wrongRows.map((row) => [row, []]));
  for (let id = 0; id < table.rows; id++) {
    const values = columns.map((column) => weightAt(table, id, column));
    for (const [row, found] of told) {
      if (columns.every((column, i) => isNear(sick[row * width + column] as number, values[i] as number)))
        found.push(id);
    }
  }
  if (wrongRows.length === 0 || [...told.values()].some(({ length }) => length !== 1)) return;
  const read = own.map((id, row) => told.get(row)?.[0] ?? id);
  const text = inWords(wrong, own, read, wrongRows);
  if (text === undefined) return;
  const all = new Float64Array(right.length);
  read.forEach((id, row) => {
    all.set(weightRow(table, id, {}), row * width);
  });
  yield { text, rows: all };
}

function inWords(
  wrong: Wrong,
  own: readonly number[],
  read: readonly number[],
  wrongRows: readonly number[],
): string | undefined {
  const [first = 0] = wrongRows;
  const by = (read[first] as number) - (own[first] as number);
  if (wrongRows.length > 1 && own.every((id, row) => read[row] === id + by)) {
    return `each token has the embedding of the id ${Math.abs(by)} ${by > 0 ? 'higher' : 'lower'}`;
  }
  for (const bits of [8, 12, 15, 16]) {
    if (own.every((id, row) => read[row] === id % 2 ** bits)) return `of each id only the lowest ${bits} bits are read`;
  }
  if (wrongRows.length > LISTED) return undefined;
  return wrongRows
    .map((row) => `token ${positionOf(wrong, row)}, whose id is ${own[row]}, has the embedding of id ${read[row]}`)
    .join(', ');
}
