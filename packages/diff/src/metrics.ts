import type { Tensor } from '@llama-probe/dump';

/** How far the rows of one stage are apart; `a` is the candidate, `b` the reference. Sums are f64. */
export interface Metrics {
  /** Values compared. */
  readonly count: number;
  /** √(Σ(a−b)² / n) */
  readonly rms: number;
  /** ‖a−b‖ / ‖b‖; 0 where both are zero. */
  readonly rel: number;
  /** √(Σb² / n) */
  readonly referenceRms: number;
  readonly maxAbs: number;
  /** Where |a−b| is largest. */
  readonly worst: { token: number; index: number } | null;
  /** ⟨a,b⟩ / (‖a‖·‖b‖) */
  readonly cosine: number;
  /** 10·log₁₀(‖b‖² / ‖a−b‖²), in dB */
  readonly sqnr: number;
  /** 1 − 2⟨a,b⟩ / (‖a‖² + ‖b‖²): unlike the cosine, it sees a pure scale error. */
  readonly distance: number;
  readonly nan: { candidate: number; reference: number };
  readonly inf: { candidate: number; reference: number };
  /** The first row that holds a value that is finite on one side only, or not a number on both. */
  readonly firstNonFinite: { token: number; index: number } | null;
}

/**
 * Adds up the metrics of one stage, row by row, however many pieces it comes in.
 *
 * @example const sums = new MetricSums(); sums.add(candidateRow, referenceRow, 0); sums.metrics().rel
 */
export class MetricSums {
  private count = 0;
  private delta2 = 0;
  private a2 = 0;
  private b2 = 0;
  private dot = 0;
  private maxAbs = 0;
  private worst: { token: number; index: number } | null = null;
  private firstNonFinite: { token: number; index: number } | null = null;
  /** Whether every value that is not a number is none on both sides. */
  isSharedNan = true;
  private readonly nan = { candidate: 0, reference: 0 };
  private readonly inf = { candidate: 0, reference: 0 };
  /** ‖a−b‖ / ‖b‖ of each row. */
  readonly rows: Array<{ token: number; rel: number }> = [];

  /**
   * One row.
   *
   * @param isHidden where a mask hides: NaN of the reference there, and NaN of both sides anywhere, is not compared.
   * @param columns which of a stage's values these are, of an excerpt
   */
  add(
    a: Float32Array,
    b: Float32Array,
    token: number,
    isHidden?: (index: number) => boolean,
    columns?: Int32Array,
  ): void {
    const { length } = b;
    let delta2 = 0;
    let a2 = 0;
    let b2 = 0;
    let dot = 0;
    let maxAbs = this.maxAbs;
    let worst = -1;
    for (let i = 0; i < length; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      const delta = x - y;
      delta2 += delta * delta;
      a2 += x * x;
      b2 += y * y;
      dot += x * y;
      if (delta > maxAbs || -delta > maxAbs) {
        maxAbs = Math.abs(delta);
        worst = i;
      }
    }
    if (!Number.isFinite(delta2)) {
      this.addFinite(a, b, token, isHidden, columns);
      return;
    }
    this.count += length;
    this.addSums(delta2, a2, b2, dot, token);
    if (worst < 0) return;
    this.maxAbs = maxAbs;
    this.worst = { token, index: columns?.[worst] ?? worst };
  }

  /** The same of a row that has NaN or an infinity: in an f64, a sum of squares of f32 is finite without. */
  private addFinite(
    a: Float32Array,
    b: Float32Array,
    token: number,
    isHidden?: (index: number) => boolean,
    columns?: Int32Array,
  ): void {
    let delta2 = 0;
    let a2 = 0;
    let b2 = 0;
    let dot = 0;
    for (let i = 0; i < b.length; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      const delta = x - y;
      if (delta - delta !== 0) {
        if (isHidden && Number.isNaN(y) && (Number.isNaN(x) || isHidden(i))) continue;
        this.count++;
        this.nonFinite(x, y, token, columns?.[i] ?? i);
        continue;
      }
      this.count++;
      delta2 += delta * delta;
      a2 += x * x;
      b2 += y * y;
      dot += x * y;
      if (Math.abs(delta) > this.maxAbs) {
        this.maxAbs = Math.abs(delta);
        this.worst = { token, index: columns?.[i] ?? i };
      }
    }
    this.addSums(delta2, a2, b2, dot, token);
  }

  private addSums(delta2: number, a2: number, b2: number, dot: number, token: number): void {
    this.delta2 += delta2;
    this.a2 += a2;
    this.b2 += b2;
    this.dot += dot;
    this.rows.push({ token, rel: ratio(delta2, b2) });
  }

  metrics(): Metrics {
    const { delta2, a2, b2, dot, count } = this;
    return {
      count,
      rms: Math.sqrt(delta2 / Math.max(1, count)),
      rel: ratio(delta2, b2),
      referenceRms: Math.sqrt(b2 / Math.max(1, count)),
      maxAbs: this.maxAbs,
      worst: this.worst,
      cosine: a2 === 0 && b2 === 0 ? 1 : dot / Math.sqrt(a2 * b2) || 0,
      sqnr: 10 * Math.log10(b2 / delta2),
      distance: a2 + b2 === 0 ? 0 : 1 - (2 * dot) / (a2 + b2),
      nan: { ...this.nan },
      inf: { ...this.inf },
      firstNonFinite: this.firstNonFinite,
    };
  }

  private nonFinite(x: number, y: number, token: number, index: number): void {
    if (Number.isNaN(x)) this.nan.candidate++;
    else if (!Number.isFinite(x)) this.inf.candidate++;
    if (Number.isNaN(y)) this.nan.reference++;
    else if (!Number.isFinite(y)) this.inf.reference++;
    // The same infinity on both sides is agreement: a mask that was added rather than left out.
    if (x === y) return;
    this.firstNonFinite ??= { token, index };
    if (!Number.isNaN(x) || !Number.isNaN(y)) this.isSharedNan = false;
  }
}

function ratio(delta2: number, b2: number): number {
  return delta2 === 0 ? 0 : Math.sqrt(delta2 / b2);
}

/** The row of a tensor at `row`. A view. */
export function rowOf(tensor: Pick<Tensor, 'values' | 'width'>, row: number): Float32Array {
  return tensor.values.subarray(row * tensor.width, (row + 1) * tensor.width);
}
