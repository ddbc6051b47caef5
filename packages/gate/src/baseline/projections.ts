/** How many projections are kept of a stage. */
export const PROJECTIONS = 16;

/**
 * The relative standard deviation of a norm that is estimated from projections, √(2/K)/2: their mean square is ‖x‖² on average, with a
 * relative standard deviation of √(2/K), and a root halves that.
 */
export const SPREAD = Math.sqrt(2 / PROJECTIONS) / 2;

/**
 * Adds up Rademacher projections P_j(x) = Σ s_j(i)·x_i of values as they come (Achlioptas, "Database-friendly random projections", 2003).
 * A sign depends on the place of its value alone, so that it does not matter how the values are cut into pieces.
 *
 * Each value goes into one of 256 sums by eight of its signs, and only those sums are signed: two additions, not sixteen.
 */
export class Projector {
  private readonly low = new Float64Array(256);
  private readonly high = new Float64Array(256);

  /** @param place from `placeHash` */
  add(place: number, value: number): void {
    this.low[place & 255] = (this.low[place & 255] as number) + value;
    const other = (place >>> 8) & 255;
    this.high[other] = (this.high[other] as number) + value;
  }

  /** (PROJECTIONS) */
  result(): Float64Array {
    const sums = new Float64Array(PROJECTIONS);
    for (let signs = 0; signs < 256; signs++) {
      for (let bit = 0; bit < 8; bit++) {
        const sign = (signs >> bit) & 1 ? 1 : -1;
        sums[bit] = (sums[bit] as number) + sign * (this.low[signs] as number);
        sums[bit + 8] = (sums[bit + 8] as number) + sign * (this.high[signs] as number);
      }
    }
    return sums;
  }
}

/** The signs of a value's place as bits. @param row from `rowHash` */
export const placeHash = (row: number, column: number): number => mix(row + column);
export const rowHash = (token: number): number => mix(token + 1);

/** MurmurHash3's finaliser: every bit of the input changes every bit of the result half of the time. */
function mix(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** About ‖a − b‖, from the projections of both. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < PROJECTIONS; j++) sum += ((a[j] as number) - (b[j] as number)) ** 2;
  return Math.sqrt(sum / PROJECTIONS);
}
