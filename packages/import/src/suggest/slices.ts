import { type Columns, columnsLike, columnsSorted } from './likeness.js';
import type { Believed, Sketch } from './sketch.js';

/** Columns of an array that are a stage. */
export interface Slice {
  readonly sketch: Sketch;
  readonly stage: Believed;
  readonly kind: 'equal' | 'order';
  readonly columns: Columns;
}

/**
 * The stages that lie side by side in a fused array, such as Q, K and V of one product. Beside those that are found as they are, others of the same layer are found in
 * another order within a row, as Hugging Face has Q and K. Columns that two stages are like are neither's.
 */
export function slicesOf(sketches: readonly Sketch[], stages: readonly Believed[]): readonly Slice[] {
  const found = sketches.flatMap((sketch) =>
    stages.flatMap((stage): Slice[] => {
      const columns = stage.last.length < sketch.last.length ? columnsLike(sketch.last, stage.last) : undefined;
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
    const columns = columnsSorted(sketch.last, stage.last);
    return columns ? [{ sketch, stage, kind: 'order', columns }] : [];
  });
  const plain = ordered.filter(({ columns }) => !found.some((one) => overlap(one.columns, columns)));
  return alone([...alone(found), ...alone(plain)]);
}

const overlap = (a: Columns, b: Columns): boolean => a[0] < b[1] && b[0] < a[1];

const alone = (slices: readonly Slice[]): Slice[] =>
  slices.filter((one) => slices.every((other) => other === one || !overlap(one.columns, other.columns)));
