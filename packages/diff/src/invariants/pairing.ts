/** Which values of a row a rotation turns with each other. */
export interface Pairing {
  /** @example 'adjacent pairs' */
  readonly name: string;
  readonly pairs: Int32Array; // (pairs, 2): the two indices of each
  /** The indices that are not rotated at all. */
  readonly still: Int32Array;
}

/** Values 2p and 2p + 1, whatever the heads are. A pair that is not rotated keeps its norm too. */
export function adjacentPairs(width: number): Pairing {
  const pairs = Int32Array.from({ length: width - (width % 2) }, (_, i) => i);
  return { name: 'adjacent pairs', pairs, still: new Int32Array() };
}

/** Values p and p + rotated / 2 of each head; what comes after the first `rotated` is left as it is. */
export function halves(width: number, headDim: number, rotated = headDim): Pairing {
  const pairs: number[] = [];
  const still: number[] = [];
  for (let head = 0; head < width; head += headDim) {
    for (let p = head; p < head + rotated / 2; p++) pairs.push(p, p + rotated / 2);
    for (let i = head + rotated; i < head + headDim; i++) still.push(i);
  }
  const name = rotated === headDim ? 'halves' : `halves of the first ${rotated}`;
  return { name, pairs: Int32Array.from(pairs), still: Int32Array.from(still) };
}

/** A row before and after its rotation. */
export interface Rotated {
  readonly token: number;
  readonly before: Float32Array; // (heads · headDim)
  readonly after: Float32Array; // as before
}

/**
 * How many values of a head are rotated, from its first value's partner: halves of n have it at n / 2.
 *
 * @returns nothing where no row is at a position that turns anything
 */
export function rotatedHalves(rows: readonly Rotated[], headDim: number): number | undefined {
  const turned = rows.filter(({ token }) => token > 0);
  if (turned.length === 0) return undefined;
  let best: { rotated: number; off: number } | undefined;
  for (let partner = 1; partner <= headDim / 2; partner++) {
    let off = 0;
    for (const { before, after } of turned) {
      for (let head = 0; head < before.length; head += headDim) {
        const norms = [before, after].map((row) => Math.hypot(row[head] as number, row[head + partner] as number));
        off += ((norms[1] as number) - (norms[0] as number)) ** 2;
      }
    }
    if (!best || off < best.off) best = { rotated: 2 * partner, off };
  }
  return best?.rotated;
}
