import type { TensorFiles, TensorInfo } from '@llama-probe/engine';
import { canDequantize } from '@llama-probe/oracle';
import type { GgmlWeights } from '@llama-probe/reference';
import { type Heads, inPairs, type Layout, layouts } from './layouts.js';
import { ggufRows, inFile, type Matrix } from './matrix.js';
import { type Measure, measure } from './measure.js';
import { type Misreading, misreadingOf } from './misread.js';
import { type Related, relateAll, sampleOf, type Values } from './relation.js';
import { reshaped } from './views.js';

/** What is known of how two tensors are related. */
export interface Explained {
  readonly layout: readonly Layout[];
  readonly values: Values;
  readonly misreading: Misreading | null;
  /** The tensor of the model that it is instead. */
  readonly is: string | null;
  /** Once the layout is undone; null where the shapes do not fit at all. */
  readonly measure: Measure | null;
}

/** Other tensors of the model, to be tried where nothing else explains a difference. */
export type Candidates = () => Iterable<readonly [name: string, matrix: Matrix]>;

/**
 * How the other side's tensor is related to the model's. Nothing is claimed but what undoing it shows of all values.
 *
 * 1. The values as they are: equal, or rounded, scaled, offset.
 * 2. Every layout, undone.
 * 3. Every known bug of dequantisation, computed from the model's bytes.
 * 4. Every other tensor of this shape, as it is or in half-split order.
 */
export async function explain(
  files: TensorFiles,
  tensor: TensorInfo,
  theirs: Matrix,
  heads: Heads | undefined,
  others: Candidates,
  ggml: GgmlWeights,
): Promise<Explained> {
  const at = ggufRows(tensor);
  const ours = inFile(ggml, at);
  const [a, b] = heads && at.rows === 1 ? [onePerRow(ours), onePerRow(theirs)] : [ours, theirs];
  const isSame = ours.rows === theirs.rows && ours.columns === theirs.columns;
  const plain = isSame ? await relateAll(ours, theirs, ggml) : undefined;
  if (plain && isSettled(plain.values)) return explained([], plain);
  for await (const undone of layouts(a, b, heads)) {
    const related = await relateAll(undone.ours, undone.theirs, ggml);
    if (related && isSettled(related.values)) return explained(undone.layout, related);
  }
  const { typeName } = at;
  const misreading =
    isSame && canDequantize(typeName) ? await misreadingOf(files, tensor, typeName, theirs) : undefined;
  const found = plain ?? (isSame ? await differing(ours, theirs) : undefined);
  if (misreading && found) return { ...explained([], found), misreading };
  if (plain) return explained([], plain);
  for (const [name, other] of others()) {
    if (other.rows !== theirs.rows || other.columns !== theirs.columns) continue;
    for (const { layout, matrix } of asItMayLie(theirs, heads)) {
      const related = await relateAll(other, matrix, ggml);
      if (related && isSettled(related.values))
        return { ...explained(layout, found ?? related), values: { kind: 'differ' }, is: name };
    }
  }
  return found
    ? explained([], found)
    : { layout: [], values: { kind: 'differ' }, misreading: null, is: null, measure: null };
}

/** As it is, and in the order that llama.cpp's converter puts rows of Q and K in. */
function asItMayLie(theirs: Matrix, heads: Heads | undefined): { layout: readonly Layout[]; matrix: Matrix }[] {
  const turned = inPairs(theirs, heads);
  return [
    { layout: [], matrix: theirs },
    ...(turned ? [{ layout: [{ kind: 'half-split' } as const], matrix: turned }] : []),
  ];
}

/** Whether there is nothing more to explain. */
const isSettled = ({ kind }: Values): boolean => kind !== 'rows' && kind !== 'differ';

const explained = (layout: readonly Layout[], { values, measure: found }: Related): Explained => ({
  ...{ layout, values, misreading: null, is: null },
  measure: found,
});

/** A bias has one value for each row of its matrix. */
const onePerRow = (m: Matrix): Matrix => reshaped(m, m.columns * m.rows, 1);

async function differing(ours: Matrix, theirs: Matrix): Promise<Related> {
  return { values: { kind: 'differ' }, measure: await measure(ours, theirs, sampleOf(ours)) };
}
