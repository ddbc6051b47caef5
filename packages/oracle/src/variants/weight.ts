import { BLOCKS, dequantizeRow, withEveryField } from '../blocks.js';
import type { CaseModel, CaseWeight } from '../case.js';
import type { ProductVariation } from '../variation.js';

/** A weight of the file; an error that names it where there is none. */
export function weightOf(model: CaseModel, name: string): CaseWeight {
  const weight = model.weight(name);
  if (!weight) throw new Error(`The file has no ${name}; a variant that reads it must not be offered.`);
  return weight;
}

/** All numbers of a vector: a norm's weight, a bias, rope_freqs. */
export const vectorOf = (w: CaseWeight): Float64Array => dequantizeRow(w.type, w.bytes, w.rows * w.columns);

/** Where a weight is looked for, and how its blocks are read: what `weightAt` needs of a variation. */
export type Layout = Pick<ProductVariation, 'type' | 'reading' | 'walk' | 'group'>;

/**
 * Weight (row, column) as a bug reads it; 0 past the tensor's end, as a GPU reads there.
 *
 * @example weightAt(attnQ, 3, 70, { walk: 'transposed' }) // weight (70, 3) of a square matrix
 */
export const weightAt = (w: CaseWeight, row: number, column: number, layout: Layout = {}): number =>
  weightReader(w, layout)(row, column);

/** `weightAt` for many weights of one tensor. */
export function weightReader(w: CaseWeight, layout: Layout): (row: number, column: number) => number {
  const block = BLOCKS[layout.type ?? w.type];
  const { numbers } = w;
  if (numbers && !layout.type && !layout.reading) {
    const place = placeOf(w, layout, block.elements);
    return (row, column) => numbers[place(row, column)] ?? 0;
  }
  const view = new DataView(w.bytes.buffer, w.bytes.byteOffset, w.bytes.byteLength);
  const reading = withEveryField(layout.reading ?? {});
  const place = placeOf(w, layout, block.elements);
  return (row, column) => {
    const flat = place(row, column);
    const at = Math.floor(flat / block.elements) * block.bytes;
    return at + block.bytes <= view.byteLength ? block.weight(view, at, flat % block.elements, reading) : 0;
  };
}

/** Row `row` of the weight, as `weightAt` reads it. @returns (columns) */
export function weightRow(w: CaseWeight, row: number, layout: Layout): Float64Array {
  const { of, at } = rowReader(w, layout)(row);
  return of.subarray(at, at + w.columns);
}

/** `weightRow` for many rows of one tensor: each lies in `of`, from `at` on. */
export function rowReader(w: CaseWeight, layout: Layout): (row: number) => { of: Float64Array; at: number } {
  const { columns, numbers } = w;
  if (!layout.walk && !layout.group && !layout.type) {
    if (numbers && !layout.reading) return (row) => ({ of: numbers, at: row * columns });
    const bytes = w.bytes.length / w.rows;
    return (row) => ({
      of: dequantizeRow(w.type, w.bytes.subarray(row * bytes, (row + 1) * bytes), columns, layout.reading),
      at: 0,
    });
  }
  const read = weightReader(w, layout);
  return (row) => {
    const of = new Float64Array(columns);
    for (let column = 0; column < columns; column++) of[column] = read(row, column);
    return { of, at: 0 };
  };
}

/** The index of the weight that is read as (row, column), counted over the whole tensor. */
function placeOf(w: CaseWeight, { walk, group }: Layout, elements: number): (row: number, column: number) => number {
  const { rows, columns } = w;
  const blocks = Math.ceil(columns / elements);
  const walks = {
    straight: (row: number, column: number) => row * columns + column,
    transposed: (row: number, column: number) => column * rows + row,
    'blocks-by-column': (row: number, column: number) =>
      (Math.floor(column / elements) * rows + row) * elements + (column % elements),
    'blocks-reversed': (row: number, column: number) =>
      (row * blocks + blocks - 1 - Math.floor(column / elements)) * elements + (column % elements),
  };
  const place = walks[walk ?? 'straight'];
  if (!group) return place;
  const { size, of } = group;
  return (row, column) => place(row, column - (column % (size * of)) + (column % size));
}
