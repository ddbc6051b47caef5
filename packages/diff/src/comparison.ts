import type { LogitsSummary } from './logits.js';
import type { Metrics } from './metrics.js';

/** What was found about one stage. */
export interface StageResult extends Metrics {
  readonly order: number;
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  /** [rows, width] */
  readonly shape: readonly [number, number];
  /** The reference's distance from itself; null where it was not measured. */
  readonly floor: number | null;
  /** What `rel` may be at most. */
  readonly limit: number;
  /** The stage's own error under teacher forcing; null in a free run. */
  readonly local: number | null;
  readonly verdict: 'agree' | 'diverged' | 'incomparable';
  /** Why it is incomparable, or which check other than the limit failed. */
  readonly reason?: string;
  /** The row with the largest ‖a−b‖ / ‖b‖ of its own. */
  readonly worstRow: { readonly token: number; readonly rel: number } | null;
  /** The first row over the limit, or the worst one. */
  readonly token: number | null;
}

/** Where the first fault is. */
export interface First {
  readonly order: number;
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  readonly token: number | null;
  readonly cause: null;
}

export type Verdict = 'agree' | 'diverged' | 'incomparable';

/** The outcome of comparing two sides. */
export interface Comparison {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly first: First | null;
  readonly stages: readonly StageResult[];
  /** Nodes under names that only one side uses: not compared. */
  readonly ignored: readonly string[];
  /** The last prompt position's logits, where both sides have them. */
  readonly logits: LogitsSummary | null;
}
