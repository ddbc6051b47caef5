import type { Tensor } from '@llama-probe/dump';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { ForeignArray } from '../array.js';
import { toFloats } from '../dtype.js';
import type { Rows } from '../shape/rows.js';
import { MOST, measured } from './likeness.js';
import type { SumOfStages } from './sums.js';

/** An array that is two stages in sum. */
export interface Added {
  readonly array: ForeignArray;
  readonly of: readonly [Place, Place];
  /** ‖array − sum‖ / ‖array‖ */
  readonly error: number;
}

/** A tensor's rows of these positions; undefined where it does not have them. */
export function rowsAt({ positions, width, values }: Tensor, rows: Rows): Float32Array | undefined {
  const count = rows.positions.length;
  const first = positions.indexOf(rows.positions[0] as number);
  if (first < 0 || first + count > positions.length) return undefined;
  return values.subarray(first * width, (first + count) * width);
}

/** What is left of arrays, in all their rows, once both stages that they seem to be the sum of are subtracted. */
export class Residues {
  private readonly open: {
    readonly sum: SumOfStages;
    left?: Float32Array;
    size: number;
    readonly summands: number[];
  }[];

  constructor(sums: readonly SumOfStages[]) {
    this.open = sums.map((sum) => ({ sum, size: 0, summands: [] }));
  }

  async subtract(tensor: Tensor): Promise<void> {
    for (const one of this.open) {
      const { array, rows } = one.sum.is;
      if (!one.sum.of.some(({ place }) => placeKey(place) === placeKey(tensor))) continue;
      const theirs = rowsAt(tensor, rows);
      if (!theirs) continue;
      if (!one.left) {
        one.left = rows.arrange(toFloats(await array.read(), array.dtype)).slice();
        one.size = measured(one.left).size;
      }
      const { left } = one;
      theirs.forEach((value, i) => {
        left[i] = (left[i] as number) - value;
      });
      one.summands.push(measured(theirs).size);
    }
  }

  added(): Added[] {
    return this.open.flatMap(({ sum, left, size, summands }) => {
      if (!left || summands.length < 2) return [];
      const rest = measured(left).size;
      if (!(rest <= MOST.sum * Math.min(size, ...summands))) return [];
      const [a, b] = sum.of;
      return [{ array: sum.is.array, of: [a.place, b.place], error: rest / size }];
    });
  }
}
