import { covariance, type Estimate, Mean, percentile } from './estimate.js';
import type { Score } from './score.js';

/** The percentiles that llama.cpp's tool prints, by the name that they have here. */
const PERCENTILES = {
  max: 1,
  p999: 0.999,
  p99: 0.99,
  p95: 0.95,
  p90: 0.9,
  median: 0.5,
  p10: 0.1,
  p5: 0.05,
  p1: 0.01,
  p01: 0.001,
  min: 0,
} as const;

export type Percentiles = Readonly<Record<keyof typeof PERCENTILES, number>>;

/** What llama.cpp's `perplexity --kl-divergence` says of a text, and where its choice ranks in the candidate. */
export interface TextStatistics {
  /** How many were scored, … */
  readonly positions: number;
  /** … and at how many of them a token follows, which perplexity and Δp are of. */
  readonly followed: number;
  /** Positions at which the candidate has NaN or infinities; they are in none of what follows. */
  readonly notFinite: number;
  readonly perplexity: {
    readonly reference: Estimate;
    readonly candidate: Estimate;
    /** ln(candidate / reference). */
    readonly logRatio: Estimate;
    /** Of ln PPL of both; null where one of them does not vary. */
    readonly correlation: number | null;
  } | null;
  /** KL(reference ‖ candidate), in nats. */
  readonly kl: { readonly mean: Estimate } & Percentiles;
  /** By how much the candidate takes the token that follows for more probable. */
  readonly deltaP: ({ readonly mean: Estimate; readonly rms: Estimate } & Percentiles) | null;
  /** The share of positions at which both choose the same token. */
  readonly sameTop: Estimate;
  /** How many ids the candidate prefers to the reference's choice. */
  readonly rank: { readonly mean: number; readonly p99: number; readonly max: number };
}

/** Adds up scores as llama.cpp's perplexity tool does. A few numbers are kept of each position. */
export class Statistics {
  private readonly nll = { reference: new Mean(), candidate: new Mean(), products: 0 };
  private readonly klMean = new Mean();
  private readonly deltaMean = new Mean();
  private readonly deltaSquares = new Mean();
  private readonly kls: number[] = [];
  private readonly deltas: number[] = [];
  private readonly ranks: number[] = [];
  private same = 0;
  private notFinite = 0;

  add({ kl, nll, rank, reference, candidate }: Score): void {
    if (kl === Number.POSITIVE_INFINITY) {
      this.notFinite++;
      return;
    }
    this.klMean.add(kl);
    this.kls.push(kl);
    this.ranks.push(rank);
    if (reference === candidate) this.same++;
    if (!nll) return;
    this.nll.reference.add(nll.reference);
    this.nll.candidate.add(nll.candidate);
    this.nll.products += nll.reference * nll.candidate;
    const delta = Math.exp(-nll.candidate) - Math.exp(-nll.reference);
    this.deltaMean.add(delta);
    this.deltaSquares.add(delta * delta);
    this.deltas.push(delta);
  }

  result(): TextStatistics {
    const { count } = this.klMean;
    const same = count === 0 ? 0 : this.same / count;
    const ranks = Float64Array.from(this.ranks).sort();
    return {
      positions: count + this.notFinite,
      followed: this.deltaMean.count,
      notFinite: this.notFinite,
      perplexity: this.perplexity(),
      kl: { mean: this.klMean.estimate(), ...percentilesOf(this.kls) },
      deltaP: this.deltaP(),
      sameTop: { value: same, uncertainty: count > 1 ? Math.sqrt((same * (1 - same)) / (count - 1)) : 0 },
      rank: {
        mean: this.ranks.reduce((sum, rank) => sum + rank, 0) / Math.max(1, count),
        p99: count === 0 ? 0 : percentile(ranks, 0.99),
        max: ranks.at(-1) ?? 0,
      },
    };
  }

  private perplexity(): TextStatistics['perplexity'] {
    const { reference, candidate, products } = this.nll;
    if (reference.count === 0) return null;
    const [base, own] = [reference.estimate(), candidate.estimate()];
    const shared = covariance(candidate, reference, products);
    const spread = own.uncertainty * base.uncertainty;
    const variance = own.uncertainty ** 2 + base.uncertainty ** 2 - 2 * shared;
    return {
      reference: exponential(base),
      candidate: exponential(own),
      logRatio: { value: own.value - base.value, uncertainty: Math.sqrt(Math.max(0, variance)) },
      correlation: spread > 0 ? shared / spread : null,
    };
  }

  private deltaP(): TextStatistics['deltaP'] {
    if (this.deltas.length === 0) return null;
    const { value, uncertainty } = this.deltaSquares.estimate();
    const rms = Math.sqrt(value);
    return {
      mean: this.deltaMean.estimate(),
      rms: { value: rms, uncertainty: rms > 0 ? (0.5 / rms) * uncertainty : 0 },
      ...percentilesOf(this.deltas),
    };
  }
}

/** By the derivative of exp. */
const exponential = ({ value, uncertainty }: Estimate): Estimate => ({
  value: Math.exp(value),
  uncertainty: Math.exp(value) * uncertainty,
});

function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const of = ([name, fraction]: [string, number]) => [name, sorted.length === 0 ? 0 : percentile(sorted, fraction)];
  return Object.fromEntries(Object.entries(PERCENTILES).map(of)) as Percentiles;
}
