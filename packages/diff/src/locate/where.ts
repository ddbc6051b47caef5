/** A row of a stage on both sides. */
export interface RowPair {
  readonly token: number;
  readonly candidate: Float32Array; // (width)
  readonly reference: Float32Array; // (width)
}

/** Inclusive. */
export type Range = readonly [from: number, to: number];

/** Where inside a stage the error is, and of what kind it is. */
export interface Where {
  /** The positions of the wrong rows, ascending. */
  readonly tokens: readonly Range[];
  readonly wrongRows: number;
  /** How many rows were compared. */
  readonly rows: number;
  /** The heads that are wrong in any wrong row, ascending; null where the rows have no heads. */
  readonly heads: readonly Range[] | null;
  /** What the columns count from: the row, or each head, where every wrong head is wrong in the same part. */
  readonly columnsIn: 'row' | 'head';
  /** The parts that are wrong; none where there are more than 8, scattered over the row. */
  readonly columns: readonly Part[];
  /** The share of the wrong rows' values that are wrong, 0 to 1. */
  readonly share: number;
  readonly kind: Kind;
  /** What the places in a head count in, where that is the candidate's own order and not the reference's. */
  readonly order?: 'half-split';
  /** The line of the candidate's code that computes the stage, where its run says so. @example 'src/attention.rs:212' */
  readonly source?: string;
  /** All of it in one sentence, to stand after a colon. */
  readonly text: string;
}

/** A contiguous part of a row or head, or every other column of it. Inclusive. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** What it is, when it is recognised: `blocks 6 and 7 of 32 values`. */
  readonly what: string | null;
}

/** A value that is wrong. */
export interface WrongValue {
  readonly token: number;
  readonly index: number;
  readonly candidate: number;
  readonly reference: number;
}

/** What values may have a factor or an offset in common by. */
export type Group = 'row' | 'head' | 'row-and-head' | 'column';

/** What the wrong values are to the right ones. */
export type Kind =
  /** Only one side is finite, or both are infinite with different signs. How often, on each side. */
  | {
      readonly kind: 'nonfinite';
      readonly nan: { readonly candidate: number; readonly reference: number };
      readonly inf: { readonly candidate: number; readonly reference: number };
    }
  /** Too few to say more of them than what they are. */
  | { readonly kind: 'few'; readonly count: number; readonly values: readonly WrongValue[] }
  | { readonly kind: 'zero' }
  /** One and the same number. */
  | { readonly kind: 'constant'; readonly value: number }
  /** In each wrong row one number, from the smallest to the largest of these. */
  | { readonly kind: 'constant-per-row'; readonly from: number; readonly to: number }
  /** Values that are too large or too small are the largest or smallest that there is; null on a side that is not cut off. */
  | { readonly kind: 'clipped'; readonly from: number | null; readonly to: number | null }
  /** The right ones, rounded: to a format, or to whole numbers of a step. */
  | { readonly kind: 'rounded'; readonly to: 'f16' | 'bf16' | 'steps'; readonly step: number | null }
  /** Each row, or each of so many parts of it, is the right one plus one of a few fixed rows. */
  | { readonly kind: 'plus-one-of'; readonly rows: number; readonly parts: number }
  | { readonly kind: 'factor'; readonly factor: number }
  | { readonly kind: 'offset'; readonly offset: number }
  /** From the smallest to the largest. */
  | { readonly kind: `${'factor' | 'offset'}-per-${Group}`; readonly from: number; readonly to: number }
  /** The right values of the row `shift` tokens later, or in all wrong rows those of the row of `token`. */
  | { readonly kind: 'other-row'; readonly shift: number; readonly token: null }
  | { readonly kind: 'other-row'; readonly shift: null; readonly token: number }
  /** The right values of other heads, some of them more than once: each wrong head and the one whose values it holds. */
  | { readonly kind: 'other-head'; readonly heads: readonly { readonly head: number; readonly holds: number }[] }
  /** The right values in other places; `order` where it is a known one. */
  | {
      readonly kind: 'permutation';
      readonly within: 'head' | 'block' | 'row' | 'values';
      readonly order: string | null;
    }
  /** The right magnitudes, with the other sign here and there. */
  | { readonly kind: 'sign' }
  | { readonly kind: 'uncorrelated'; readonly cosine: number }
  | { readonly kind: 'mixed'; readonly cosine: number; readonly rel: number };
