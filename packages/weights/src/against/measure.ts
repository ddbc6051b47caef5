import { loadedAhead, type Rows, Turns } from '../pieces.js';
import type { Index } from '../statistics.js';
import type { Matrix } from './matrix.js';

/** How far two matrices of one shape are from each other. A NaN equals a NaN, and a zero a zero of the other sign. */
export interface Measure {
  readonly count: number;
  readonly differing: number;
  readonly rows: number;
  readonly rowsDiffering: number;
  /** The first value that differs. */
  readonly first: (Index & { readonly ours: number; readonly theirs: number }) | null;
  /** The row that differs most, by its relative RMS delta. */
  readonly worst: { readonly row: number; readonly rel: number } | null;
  /** Relative RMS delta of all other rows. */
  readonly rest: number;
  /** Values that are finite on one side only: no sum has them. */
  readonly bad: number;
  /** Relative RMS delta. */
  readonly rel: number;
  /** The factor that theirs are best multiplied by, and the relative RMS delta that is left then. */
  readonly scale: { readonly factor: number; readonly rel: number };
  /** What is best added to theirs, and the relative RMS delta that is left then. */
  readonly offset: { readonly value: number; readonly rel: number };
  /** The largest difference, and our largest value. */
  readonly maxDelta: number;
  readonly maxAbs: number;
}

/** @param theirs read as ours are, or otherwise, such as when a type has held them */
export async function measure(
  ours: Pick<Matrix, 'columns' | 'read'>,
  theirs: Pick<Matrix, 'read'>,
  pieces: readonly Rows[],
): Promise<Measure> {
  const sums = new Sums(ours.columns);
  const memory = [new Turns(), new Turns()] as const;
  const load = ({ firstRow, rows }: Rows) => {
    const [a, b] = memory.map((turns) => turns.floats(rows * ours.columns));
    return Promise.all([ours.read(firstRow, rows, a), theirs.read(firstRow, rows, b)]);
  };
  for await (const [{ firstRow }, [a, b]] of loadedAhead(pieces, load)) sums.add(a, b, firstRow);
  return sums.result();
}

class Sums {
  private count = 0;
  private differing = 0;
  private rows = 0;
  private rowsDiffering = 0;
  private first: Measure['first'] = null;
  private worst: Measure['worst'] = null;
  private readonly ofWorst = { aa: 0, dd: 0 };
  private bad = 0;
  private readonly sum = { aa: 0, bb: 0, ab: 0, d: 0, dd: 0 };
  private maxDelta = 0;
  private maxAbs = 0;

  constructor(private readonly columns: number) {}

  add(a: Float32Array, b: Float32Array, firstRow: number): void {
    const { columns } = this;
    for (let at = 0, row = firstRow; at < a.length; at += columns, row++) this.addRow(a, b, at, row);
    this.count += a.length;
    this.rows += a.length / columns;
  }

  private addRow(a: Float32Array, b: Float32Array, at: number, row: number): void {
    let [aa, bb, ab, sumD, dd, differing] = [0, 0, 0, 0, 0, 0];
    for (let i = at; i < at + this.columns; i++) {
      const [x, y] = [a[i] as number, b[i] as number];
      const d = x - y;
      if (d - d !== 0) {
        if (Object.is(x, y)) continue; // both NaN, or the same infinity
        this.bad++;
      } else {
        if (Math.abs(x) > this.maxAbs) this.maxAbs = Math.abs(x);
        aa += x * x;
        bb += y * y;
        ab += x * y;
        if (d === 0) continue;
        sumD += d;
        dd += d * d;
        if (Math.abs(d) > this.maxDelta) this.maxDelta = Math.abs(d);
      }
      differing++;
      this.first ??= { row, column: i - at, ours: x, theirs: y };
    }
    const { sum } = this;
    sum.aa += aa;
    sum.bb += bb;
    sum.ab += ab;
    sum.d += sumD;
    sum.dd += dd;
    this.differing += differing;
    if (differing === 0) return;
    this.rowsDiffering++;
    const rel = relative(dd, aa);
    if (this.worst && rel <= this.worst.rel) return;
    this.worst = { row, rel };
    Object.assign(this.ofWorst, { aa, dd });
  }

  result(): Measure {
    const { aa, bb, ab, d, dd } = this.sum;
    const factor = bb > 0 ? ab / bb : 0;
    const value = d / Math.max(1, this.count);
    const { count, differing, rows, rowsDiffering, first, worst, bad, maxDelta, maxAbs } = this;
    return {
      ...{ count, differing, rows, rowsDiffering, first, worst, bad, maxDelta, maxAbs },
      rel: relative(dd, aa),
      rest: relative(Math.max(0, dd - this.ofWorst.dd), aa - this.ofWorst.aa),
      scale: { factor, rel: relative(Math.max(0, aa - factor * ab), aa) },
      offset: { value, rel: relative(Math.max(0, dd - count * value * value), aa) },
    };
  }
}

const relative = (dd: number, aa: number): number =>
  dd === 0 ? 0 : aa === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(dd / aa);
