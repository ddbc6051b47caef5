import type { RowPair, StageDetail, StageValues } from '@llama-probe/diff';
import { type PageValues, pack } from '@llama-probe/page';

const ROWS = 4;
const VALUES = 64;

/**
 * A few parts of a wrong stage's rows, both sides: around the largest delta of the first wrong row, and of the rows with the worst values.
 *
 * @param token the first wrong row
 */
export function valueParts({ rows }: StageValues, detail: StageDetail, token: number | null): PageValues[] {
  const wanted = new Set([...(token === null ? [] : [token]), ...detail.worst.map((one) => one.token)]);
  return [...wanted].slice(0, ROWS).flatMap((token) => {
    const row = rows.find((one) => one.token === token);
    return row ? [part(row, detail.heads ?? 1)] : [];
  });
}

/** The head with the largest delta, or as much of it around that place as is shown. */
function part({ token, candidate, reference }: RowPair, heads: number): PageValues {
  const width = reference.length;
  const size = width % heads === 0 ? width / heads : width;
  const worst = worstIndex(candidate, reference);
  const start = Math.floor(worst / size) * size;
  const length = Math.min(size, VALUES);
  const from = Math.min(start + Math.floor((worst - start) / length) * length, start + size - length);
  const cut = (row: Float32Array) => pack(row.subarray(from, from + length));
  return { token, from, candidate: cut(candidate), reference: cut(reference), width };
}

/** What is not finite on one side only comes before any delta. */
function worstIndex(a: Float32Array, b: Float32Array): number {
  let [worst, most] = [0, -1];
  for (let i = 0; i < b.length; i++) {
    const delta = Math.abs((a[i] as number) - (b[i] as number));
    const isHidden = Number.isNaN(b[i]) || a[i] === b[i];
    if (Number.isNaN(delta) && !isHidden) return i;
    if (delta > most && !isHidden) [worst, most] = [i, delta];
  }
  return worst;
}
