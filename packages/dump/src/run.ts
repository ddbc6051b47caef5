import type { RowDigests } from './digest.js';
import type { DumpMetadata } from './metadata.js';
import type { Tensor } from './tensor.js';

/** A run of which some values of each stage are known, such as those that a log prints. It can be held to another run, and to nothing else. */
export interface Excerpt {
  /** How much of it there is, in a few words. @example 'the first and last values of each stage' */
  readonly what: string;
  /** Both runs with nothing but what this one has of each stage, in the same columns; what the other one has more comes as it is. */
  beside(other: RecordedRun): { readonly ours: RecordedRun; readonly theirs: RecordedRun };
}

/** A run that is over, read from where it was written: a dump of ours, or what another program left. Close it when done. */
export interface RecordedRun {
  /** Where it was read from: a file or a folder. */
  readonly path: string;
  readonly bytes: number;
  /** Its `tokens` are empty where neither the files nor whoever opened them say what was run. */
  readonly metadata: DumpMetadata;
  /** What was done to it to make tensors of ours of it, a sentence each without its full stop. Complete when it was read to its end. */
  readonly notes: readonly string[];
  /** Of a run that is known in parts only. */
  readonly excerpt?: Excerpt;
  /** Of a run of which hashes were kept and no values: those, in place of its tensors. */
  readonly digests?: (() => AsyncGenerator<RowDigests>) | undefined;
  /**
   * Every tensor, one in memory at a time. May be read several times at once.
   *
   * @param options.isKept false where whoever reads needs the values of one tensor only until the next comes, so that its memory may be used again (true)
   */
  tensors(options?: { readonly isKept?: boolean }): AsyncGenerator<Tensor>;
  close(): Promise<void>;
}
