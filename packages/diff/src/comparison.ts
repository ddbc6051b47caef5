import type { StageId } from '@llama-probe/dump/stage';
import type { Floor } from './floors.js';
import type { Where } from './locate.js';
import type { GreedyChoice, LogitsSummary } from './logits.js';
import type { Metrics } from './metrics.js';

/** What was found about one stage. */
export interface StageResult extends Metrics, StageId {
  readonly order: number;
  /** [rows, width] */
  readonly shape: readonly [number, number];
  /** The reference's distance from itself; null where it was not measured. */
  readonly floor: number | null;
  /** What `rel` may be at most. */
  readonly limit: number;
  /** What `rel`, the worst row and the worst value may be at most. */
  readonly limits: Floor;
  /** The largest of the three deltas, each over its limit: above 1 the stage is wrong. */
  readonly ofLimit: number;
  /** Its local delta: its own error, from the reference's inputs; null where nobody blamed. */
  readonly local: number | null;
  /** The stage with a fault of its own that this one's error comes from; null where there is none, or it was not told. */
  readonly inherits: StageId | null;
  /**
   * Of a free run whose model's graph is known: the stage that is wrong, with nothing wrong before it, that this one is computed from. Whether
   * this one has a fault of its own besides, only a second run tells (`inherits`).
   */
  readonly follows?: StageId;
  readonly verdict: Verdict;
  /** Why it is incomparable, or which check other than the limit failed. */
  readonly reason?: string;
  /** The row with the largest ‖a−b‖ / ‖b‖ of its own. */
  readonly worstRow: { readonly token: number; readonly rel: number } | null;
  /** The first row over the limit, or the worst one. */
  readonly token: number | null;
  /** Where inside the stage the error is; null where it agrees, or nobody looked. */
  readonly where: Where | null;
}

/** The known bug that computes a stage's wrong numbers from its own inputs. */
export interface Cause {
  readonly id: string;
  readonly title: string;
  /** `confirmed`: to within the limit. `likely`: most of the error is gone. */
  readonly confidence: 'confirmed' | 'likely';
  /** How far the stage's rows are from those that the bug computes. */
  readonly delta: number;
}

/** Where the first fault is. */
export interface First extends StageId {
  readonly order: number;
  readonly token: number | null;
  /** null where it was not looked for, or no known bug computes these numbers. */
  readonly cause: Cause | null;
  /** Where inside the stage. */
  readonly where: Where | null;
}

/** A stage that is wrong even when it is given the reference's inputs. */
export interface Fault extends First {
  /** Every step at which it is wrong; `step` is the first of them. */
  readonly steps: readonly number[];
  /** Which check other than the limit of the whole stage failed. */
  readonly reason?: string;
  /** Its relative RMS delta from the reference's inputs, and what that may be at most. */
  readonly local: number;
  readonly limit: number;
}

export type Verdict = 'agree' | 'diverged' | 'incomparable';

/** What one side has and the other has not. */
export interface Alone {
  /** How many stages, each layer and step by itself, the other has nothing of. */
  readonly stages: number;
  /** Their names. */
  readonly names: readonly string[];
  /** How many rows of stages that the other has some rows of. */
  readonly rows: number;
}

/** What the candidate does not have of what the first wrong stage is computed from: it may begin there. */
export interface Between {
  /** The last stage before it that agrees; null where none of them was compared. */
  readonly after: StageId | null;
  /** What to capture, for `--stages`. */
  readonly stages: readonly string[];
  /** Of which layers, for `--layers`; empty where they are of the whole model. */
  readonly layers: readonly number[];
}

/** The outcome of comparing two sides. */
export interface Comparison {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly first: First | null;
  /** Where the candidate does not have what the first wrong stage is computed from. */
  readonly between?: Between;
  readonly stages: readonly StageResult[];
  /** Nodes under names that only one side uses: not compared. */
  readonly ignored: readonly string[];
  /** What only one side has: not compared. */
  readonly alone: { readonly candidate: Alone; readonly reference: Alone };
  /** What the reference has and the candidate does not, of what would have been compared. */
  readonly gaps?: readonly (StageId & { readonly order: number })[];
  /** The names of stages that were not to be judged, one for each of them. */
  readonly passedOver?: readonly string[];
  /** Those of them that both sides have: whoever goes on from a side's rows needs all of them, whatever is judged. */
  readonly aside?: readonly StageResult[];
  /** The last prompt position's logits, where both sides have them. */
  readonly logits: LogitsSummary | null;
  /** The greedy choice after the prompt and after each step, where both sides have logits. */
  readonly greedy: readonly GreedyChoice[];
}

/** All that was compared, whether it is judged or not. */
export const comparedIn = ({ stages, aside = [] }: Pick<Comparison, 'stages' | 'aside'>): readonly StageResult[] => [
  ...stages,
  ...aside,
];
