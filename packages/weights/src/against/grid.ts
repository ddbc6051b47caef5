import type { Rows } from '../pieces.js';
import type { Matrix } from './matrix.js';

const RUN = 32; // values; no block is shorter but those of 16
const FEW = 24; // of them: what a type of five bits and less leaves

/**
 * Whether floats lie on a grid as coarse as that of quantised weights: then they were dequantised from such, and are not what was quantised. Of a type of
 * six bits and more that cannot be told. A heuristic; where it is wrong, a difference is not explained by rounding.
 */
export async function isGridded(quantised: Matrix, floats: Matrix, pieces: readonly Rows[]): Promise<boolean> {
  const coarse = await distinct(quantised, pieces);
  return coarse < FEW && (await distinct(floats, pieces)) <= coarse + 1;
}

/** How many different values a run has, on average. */
async function distinct({ read, columns }: Matrix, pieces: readonly Rows[]): Promise<number> {
  let [runs, values] = [0, 0];
  for (const { firstRow, rows } of pieces) {
    const all = await read(firstRow, rows);
    for (let at = 0; at + RUN <= all.length; at += RUN) {
      if ((at % columns) + RUN > columns) continue;
      runs++;
      values += new Set(all.subarray(at, at + RUN)).size;
    }
  }
  return runs === 0 ? RUN : values / runs;
}
