import { inMemory, type Matrix } from './matrix.js';

/** The most values that are held in memory at once, to be transposed. */
export const MOST_IN_MEMORY = 2 ** 28;

/**
 * A matrix whose row i is row `from(i)` of another one.
 *
 * @example rowsMoved(q, 32, (row) => 31 - row) // upside down
 */
export function rowsMoved(m: Matrix, rows: number, from: (row: number) => number): Matrix {
  const gather = async (
    firstRow: number,
    count: number,
    read: (first: number, many: number) => Promise<Float32Array>,
  ): Promise<Float32Array> => {
    const wanted = Array.from({ length: count }, (_, i) => from(firstRow + i));
    const low = wanted.reduce((least, row) => Math.min(least, row));
    const high = wanted.reduce((most, row) => Math.max(most, row));
    const values = new Float32Array(count * m.columns);
    // Rows of one head lie together, however they are mixed: read them at once, unless far more lies between them.
    const together = high - low + 1 <= 4 * count + 64;
    const all = together ? await read(low, high - low + 1) : undefined;
    for (const [i, row] of wanted.entries()) {
      const own = all ? all.subarray((row - low) * m.columns, (row - low + 1) * m.columns) : await read(row, 1);
      values.set(own, i * m.columns);
    }
    return values;
  };
  const { through } = m;
  return {
    type: m.type,
    rows,
    columns: m.columns,
    read: (firstRow, count) => gather(firstRow, count, (first, many) => m.read(first, many)),
    ...(through && {
      through: (type: number, firstRow: number, count: number) =>
        gather(firstRow, count, (first, many) => through(type, first, many)),
    }),
  };
}

/** Some of the rows. */
export const rowsFrom = (m: Matrix, first: number, rows: number): Matrix => rowsMoved(m, rows, (row) => first + row);

/** Several matrices of one width, one below the other, as experts lie in a GGUF file. */
export function stacked(parts: readonly Matrix[]): Matrix {
  const [first] = parts as [Matrix];
  const read = async (
    firstRow: number,
    count: number,
    of: (m: Matrix, row: number, many: number) => Promise<Float32Array>,
  ) => {
    const values = new Float32Array(count * first.columns);
    for (let row = firstRow; row < firstRow + count; ) {
      const part = Math.floor(row / first.rows);
      const own = row % first.rows;
      const many = Math.min(first.rows - own, firstRow + count - row);
      values.set(await of(parts[part] as Matrix, own, many), (row - firstRow) * first.columns);
      row += many;
    }
    return values;
  };
  return {
    type: first.type,
    rows: first.rows * parts.length,
    columns: first.columns,
    read: (firstRow, count) => read(firstRow, count, (m, row, many) => m.read(row, many)),
    ...(parts.every(({ through }) => through) && {
      through: (type: number, firstRow: number, count: number) =>
        read(firstRow, count, (m, row, many) => (m.through as NonNullable<Matrix['through']>)(type, row, many)),
    }),
  };
}

/** Its values in the same order under another shape. */
export function reshaped(m: Matrix, rows: number, columns: number): Matrix {
  return {
    ...{ type: m.type, rows, columns },
    async read(firstRow, count) {
      const [from, to] = [firstRow * columns, (firstRow + count) * columns];
      const first = Math.floor(from / m.columns);
      const values = await m.read(first, Math.ceil(to / m.columns) - first);
      return values.slice(from - first * m.columns, to - first * m.columns);
    },
  };
}

/** Rows for columns; undefined where it has too many values to be held. */
export function transposed(m: Matrix): Matrix | undefined {
  if (m.rows * m.columns > MOST_IN_MEMORY) return undefined;
  let turned: Promise<Matrix> | undefined;
  const turn = async (): Promise<Matrix> => {
    const values = await m.read(0, m.rows);
    const other = new Float32Array(values.length);
    for (let row = 0; row < m.rows; row++) {
      for (let column = 0; column < m.columns; column++) {
        other[column * m.rows + row] = values[row * m.columns + column] as number;
      }
    }
    return inMemory(m.type, m.columns, m.rows, other);
  };
  return {
    ...{ type: m.type, rows: m.columns, columns: m.rows },
    async read(firstRow, count) {
      turned ??= turn();
      return (await turned).read(firstRow, count);
    },
  };
}
