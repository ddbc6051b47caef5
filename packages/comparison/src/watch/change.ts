import type { Cause, StageId, Verdict } from '@llama-probe/diff';

/** What a run found about a stage. */
export interface Measured {
  readonly verdict: Verdict;
  /** The relative RMS delta that the two runs are compared by: from the reference's inputs where both runs have that one. */
  readonly delta: number;
  readonly limit: number;
  /** The stage whose fault it inherits; null where it agrees, is wrong by itself, or nobody told. */
  readonly inherits: StageId | null;
}

/** A stage that both runs have, and that is not as it was. */
export interface StageChange extends StageId {
  readonly before: Measured;
  readonly after: Measured;
}

/** A known bug that a run named, and where. */
export interface NamedCause extends StageId {
  readonly cause: Pick<Cause, 'id' | 'title' | 'confidence'>;
}

export type Direction = 'better' | 'worse' | 'mixed' | 'same';

/** What a run found that the one before it did not, and the other way round. Plain data. */
export interface Changes {
  readonly direction: Direction;
  /** One sentence. */
  readonly summary: string;
  readonly verdict: { readonly before: Verdict; readonly after: Verdict };
  /** In evaluation order, as the other lists. */
  readonly better: readonly StageChange[];
  readonly worse: readonly StageChange[];
  /** Stages that only the later run compared. */
  readonly appeared: readonly StageId[];
  /** Stages that only the earlier run compared. */
  readonly vanished: readonly StageId[];
  /** The first wrong stage of each run. */
  readonly first: { readonly before: StageId | null; readonly after: StageId | null };
  /** Where the first wrong stage went; null where it is where it was. A later one is progress. */
  readonly moved: 'earlier' | 'later' | null;
  /** Named bugs, each at the first stage where it was named. */
  readonly causes: { readonly gone: readonly NamedCause[]; readonly come: readonly NamedCause[] };
  /** The runs had other tokens, so their stages are not of the same computation. */
  readonly otherTokens: boolean;
}
