import { distance, farthest, norm } from './distance.js';
import { type Deviation, show } from './findings.js';
import { FLOOR, TOLERANCES } from './tolerances.js';

/** How query heads share KV heads. */
export interface HeadCounts {
  readonly heads: number;
  readonly headsKv: number;
}

/** Ainslie et al. 2023, arXiv:2305.13245: consecutive query heads share a KV head. */
const kvHeadOf = (head: number, { heads, headsKv }: HeadCounts): number => Math.floor(head / (heads / headsKv));

/** Whether the head counts divide the rows, so that both have heads of one size. */
export function haveHeads(q: number, kv: number, { heads, headsKv }: HeadCounts): boolean {
  return heads % headsKv === 0 && kv % headsKv === 0 && q * headsKv === kv * heads;
}

/**
 * The first token sees only itself: what its query heads take is the value of their KV head, whatever the scores are.
 *
 * @param kqvOut (heads · headDim) @param v (kvHeads · headDim), both of position 0
 * @example firstValue(kqvOutRow, vProjRow, { heads: 32, headsKv: 4 })
 */
export function firstValue(kqvOut: Float32Array, v: Float32Array, counts: HeadCounts): Deviation | undefined {
  const { heads, headsKv } = counts;
  const headDim = v.length / headsKv;
  const least = FLOOR * norm(v);
  const taken = (head: number) => kqvOut.subarray(head * headDim, (head + 1) * headDim);
  const value = (kvHead: number) => v.subarray(kvHead * headDim, (kvHead + 1) * headDim);
  const off = (head: number, kvHead: number) => {
    const delta = distance(taken(head), value(kvHead));
    return delta === 0 ? 0 : delta / Math.max(norm(value(kvHead)), least);
  };
  const fits = (head: number, kvHead: number) => off(head, kvHead) <= TOLERANCES['first-value'];

  let worst = -1;
  let by: number = TOLERANCES['first-value'];
  for (let head = 0; head < heads; head++) {
    const own = off(head, kvHeadOf(head, counts));
    if (own > by) {
      by = own;
      worst = head;
    }
  }
  if (worst < 0) return undefined;

  const kvHead = kvHeadOf(worst, counts);
  const index = farthest(taken(worst), value(kvHead));
  const found = taken(worst)[index] as number;
  const wanted = value(kvHead)[index] as number;
  const all = Array.from({ length: heads }, (_, head) => head);
  const other = all.slice(0, headsKv).find((candidate) => fits(worst, candidate));
  const what =
    other === undefined
      ? `${show(found)} at index ${index}, wanted ${show(wanted)}, the value of KV head ${kvHead}: the first token sees only itself`
      : `it is the value of KV head ${other}, wanted KV head ${kvHead}`;
  const inTurns = all.every((head) => fits(head, head % headsKv));
  const why = inTurns ? ': the query heads take the KV heads in turns, not each for a run of them' : '';
  return { by, found, wanted, where: `head ${worst}`, what: what + why };
}

/** The values as the query heads take them at the first token. @returns (heads · headDim) */
export function spread(v: Float32Array, counts: HeadCounts): Float64Array {
  const headDim = v.length / counts.headsKv;
  return Float64Array.from({ length: counts.heads * headDim }, (_, i) => {
    const kvHead = kvHeadOf(Math.floor(i / headDim), counts);
    return v[kvHead * headDim + (i % headDim)] as number;
  });
}
