import { operationOf, type StageCase, tensorName, weightName } from '../../case.js';
import { computeStage } from '../../compute.js';
import type { Idea, Wrong } from '../wrong.js';

/** Matrices that have the same shape, or may have: only these are read, since each may be large. */
const ALIKE: readonly (readonly string[])[] = [
  ['attn_q', 'attn_output'],
  ['attn_k', 'attn_v'],
  ['ffn_gate', 'ffn_up'],
  ['output', 'token_embd'],
];

/** So many outputs tell whether it may be another weight. */
const TOLD_BY = 8;

/** More multiplications are not made. */
const MOST = 3e8;

/** The product with another weight of the file that has the same shape. */
export function* otherWeight(wrong: Wrong): Generator<Idea> {
  const { c, sick, rows, width, limits } = wrong;
  const name = weightName(c);
  const own = name === undefined ? undefined : c.model.weight(name);
  if (!own || own.rows !== width || rows * width * own.columns > MOST) return;
  const columns = Int32Array.from({ length: Math.min(TOLD_BY, width) }, (_, i) =>
    Math.floor(((i + 0.5) * width) / Math.min(TOLD_BY, width)),
  );
  for (const other of namesOf(c)) {
    const weight = c.model.weight(other);
    if (other === name || weight?.rows !== own.rows || weight.columns !== own.columns) continue;
    const some = computeStage(c, { product: { weight: other } }, columns);
    let [delta2, size2] = [0, 0];
    some.forEach((value, i) => {
      const column = columns[i % columns.length] as number;
      delta2 += (value - (sick[Math.floor(i / columns.length) * width + column] as number)) ** 2;
      size2 += value * value;
    });
    if (!(delta2 <= limits.row ** 2 * size2)) continue;
    yield { text: `the weight is that of ${other}`, rows: computeStage(c, { product: { weight: other } }) };
  }
}

/** Of the layer itself, of those beside it, and of the first and the last. */
function namesOf(c: StageCase): string[] {
  const { weight: own } = operationOf(c);
  if (own === undefined) return [];
  const stems = ALIKE.find((alike) => alike.includes(own)) ?? [own];
  if (c.layer === null) return stems.map((stem) => `${stem}.weight`);
  const last = c.model.layers - 1;
  const layers = [c.layer, c.layer - 1, c.layer + 1, 0, last].filter((layer) => layer >= 0 && layer <= last);
  return [...new Set(layers)].flatMap((layer) => stems.map((stem) => tensorName({ ...c, layer }, stem)));
}
