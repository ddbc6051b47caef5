/** One way of computing the same tokens. */
export interface Way {
  /** @example 'prefill', 'steps', 'chunks:4', 'mine.npz' */
  readonly name: string;
  /** In words. @example '13 at once, then one by one' */
  readonly batches: string;
  /** Where each batch begins, 0 first; undefined where nobody knows. */
  readonly begins: readonly number[] | undefined;
}

/** Where the batch of a position begins. */
export const batchOf = ({ begins }: Way, position: number): number | undefined =>
  begins?.findLast((begin) => begin <= position);

/** How many tokens the first batch has; undefined where there is only one, or nobody knows. */
export const firstBatch = ({ begins }: Way): number | undefined => begins?.[1];
