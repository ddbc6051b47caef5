import { isExplained, MOST, mayRemain } from './explain.js';
import type { Region, WrongRow } from './region.js';
import { spread } from './units.js';
import type { Kind, RowPair } from './where.js';

/** How many wrong rows are looked for among all rows, and how many finds of each are followed up. */
const TRIED = 3;
const FOUND = 8;

/** The right values of another row: of the one some tokens on, or of one and the same for all wrong rows. */
export function otherRow({ all, rows }: Region, limit: number): Kind | undefined {
  const wrong = rows.map(measure).filter(({ count }) => count > 0);
  const byToken = new Map(all.map((row) => [row.token, row]));
  for (const one of spread(wrong, TRIED)) {
    const holders = all.filter(({ token }) => token !== one.row.token && hold([one], () => byToken.get(token), limit));
    for (const { token } of holders.slice(0, FOUND)) {
      const shift = token - one.row.token;
      if (wrong.length > 1 && hold(wrong, (row) => byToken.get(row.token + shift), limit)) {
        return { kind: 'other-row', shift, token: null };
      }
      if (hold(wrong, () => byToken.get(token), limit)) return { kind: 'other-row', shift: null, token };
    }
  }
  return undefined;
}

/** A wrong row, and the square sums of its wrong values and of their errors, in units of its RMS. */
interface Measured {
  readonly row: WrongRow;
  readonly count: number;
  readonly error2: number;
  readonly signal2: number;
}

function measure(row: WrongRow): Measured {
  const { candidate, reference, wrong, rms } = row;
  let [count, error2, signal2] = [0, 0, 0];
  for (let i = 0; i < wrong.length; i++) {
    if (!wrong[i]) continue;
    error2 += (((candidate[i] as number) - (reference[i] as number)) / rms) ** 2;
    signal2 += ((candidate[i] as number) / rms) ** 2;
    count++;
  }
  return { row, count, error2, signal2 };
}

/** Whether the wrong values are those of other rows. Rows that would lie past either end are passed over; half must not. */
function hold(wrong: readonly Measured[], otherOf: (row: RowPair) => RowPair | undefined, limit: number): boolean {
  const pairs = wrong.flatMap((measured) => {
    const other = otherOf(measured.row);
    return other ? [{ ...measured, other: other.reference }] : [];
  });
  if (2 * pairs.length < wrong.length) return false;
  const sum = (field: 'count' | 'error2' | 'signal2') => pairs.reduce((total, pair) => total + pair[field], 0);
  const count = sum('count');
  const most = mayRemain(Math.sqrt(sum('error2') / count), Math.sqrt(sum('signal2') / count), limit);
  let left = most * most * count;
  let explained = 0;
  for (const { row, other } of pairs) {
    for (let i = 0; i < other.length; i++) {
      if (!row.wrong[i]) continue;
      const value = row.candidate[i] as number;
      const rest = value - (other[i] as number);
      left -= (rest / row.rms) ** 2;
      if (!(left >= 0)) return false;
      if (isExplained(rest, value - (row.reference[i] as number))) explained++;
    }
  }
  return explained >= MOST * count;
}
