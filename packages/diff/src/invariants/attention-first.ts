import type { Broken } from './broken.js';
import { distance, farthest, norm } from './distance.js';
import { sentence, show } from './findings.js';
import { type HeadCounts, spread } from './first-value.js';
import { TOLERANCES } from './tolerances.js';

/** What a layer's attention takes in and gives out at position 0. */
export interface FirstRows {
  /** Of `attn_out`. */
  readonly order: number;
  readonly layer: number;
  readonly v: Float32Array; // (kvHeads · headDim)
  readonly attnOut: Float32Array; // (n_embd)
}

/**
 * At the first token attention is one product: attn_out = Wo · v, as it sees only itself. No score, softmax or rotation is in it.
 *
 * @param product Wo · x, with the bias if there is one; x is (heads · headDim)
 * @returns nothing where it holds, or where the rows do not have these heads
 * @example for (const rows of invariants.firstRows) checkAttentionFirst(rows, (x) => matMul(x, wo[rows.layer], x.length), { heads: 32, headsKv: 4 })
 */
export function checkAttentionFirst(
  { order, layer, v, attnOut }: FirstRows,
  product: (x: Float64Array) => Float64Array,
  counts: HeadCounts,
): Broken | undefined {
  if (counts.heads % counts.headsKv !== 0 || v.length % counts.headsKv !== 0) return undefined;
  const y = product(spread(v, counts));
  if (y.length !== attnOut.length) return undefined;
  const delta = distance(attnOut, y);
  const by = delta === 0 ? 0 : delta / norm(y);
  if (by <= TOLERANCES['attention-first']) return undefined;
  const index = farthest(attnOut, y);
  const at = { step: 0, order, layer, stage: 'attn_out' };
  const [found, wanted] = [attnOut[index] as number, y[index] as number];
  const what =
    `${show(found)}, wanted ${show(wanted)}: the first token sees only itself, so that the row is the product with its v_proj, ` +
    `and it is ${show(by)} away from that`;
  return {
    check: 'attention-first',
    ...at,
    token: 0,
    found,
    wanted,
    text: sentence(at, 0, { where: `index ${index}`, what }),
  };
}
