import { type Columns, indicesOf } from '../shape/columns.js';
import { columnsInHalves, columnsInPieces, columnsLike, columnsSorted } from './likeness.js';
import type { Believed, Sketch } from './sketch.js';

/** Columns of an array that are a stage. */
export interface Slice {
  readonly sketch: Sketch;
  readonly stage: Believed;
  readonly kind: 'equal' | 'halves' | 'order';
  readonly columns: Columns;
}

/**
 * The stages that lie side by side in a fused array, such as Q, K and V of one product, whole or by heads. Beside those that are found as they are, others of the same layer are found in
 * another order within a row, as Hugging Face has Q and K. Columns that two stages are like are neither's.
 */
export function slicesOf(sketches: readonly Sketch[], stages: readonly Believed[]): readonly Slice[] {
  const found = sketches.flatMap((sketch) =>
    stages.flatMap((stage): Slice[] => {
      if (stage.last.length >= sketch.last.length) return [];
      const columns = columnsLike(sketch.last, stage.last) ?? columnsInPieces(sketch.last, stage.last);
      return columns ? [{ sketch, stage, kind: 'equal', columns }] : [];
    }),
  );
  const [first] = found;
  if (!first) return [];
  const { sketch } = first;
  const layers = new Set(found.map(({ stage }) => stage.place.layer));
  const others = stages.filter(
    ({ place, last }) =>
      layers.has(place.layer) &&
      last.length < sketch.last.length &&
      !found.some(({ stage }) => stage.place.stage === place.stage && stage.place.layer === place.layer),
  );
  const ordered = others.flatMap((stage): Slice[] => {
    const halves = columnsInHalves(sketch.last, stage.last);
    if (halves) return [{ sketch, stage, kind: 'halves', columns: halves }];
    const columns = columnsSorted(sketch.last, stage.last);
    return columns ? [{ sketch, stage, kind: 'order', columns }] : [];
  });
  const plain = ordered.filter((slice) => !found.some((one) => overlap(one, slice)));
  return alone([...alone(found), ...alone(plain)]);
}

function overlap(a: Slice, b: Slice): boolean {
  const columns = new Set(indicesOf(a.columns, a.sketch.last.length));
  return indicesOf(b.columns, b.sketch.last.length).some((column) => columns.has(column));
}

const alone = (slices: readonly Slice[]): Slice[] =>
  slices.filter((one) => slices.every((other) => other === one || !overlap(one, other)));
