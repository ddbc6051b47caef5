import type { Bits } from './bits.js';
import type { Statistics } from './statistics.js';

/** What `probe weights` found: the answer first, then each tensor. */
export interface WeightsReport {
  readonly schema: 1;
  /** `nothing`: no tensor could be compared. */
  readonly verdict: 'equal' | 'differ' | 'nothing';
  /** The answer, in a sentence or two. */
  readonly reason: string;
  /** What to do next, the most useful first. */
  readonly next: readonly string[];
  readonly model: {
    readonly file: string;
    readonly bytes: number;
    readonly architecture: string;
    readonly tensors: number;
    /** How many tensors there are of each type. */
    readonly types: Readonly<Record<string, number>>;
  };
  readonly reference: { readonly name: 'llama.cpp'; readonly version: string };
  readonly candidate: { readonly name: string; readonly adapter: string };
  readonly tensors: readonly TensorReport[];
  /** Tensors with the same bytes, such as a head that is a copy of the embedding. */
  readonly duplicates: readonly (readonly string[])[];
  /** What is worth knowing, and no difference: NaN in the file, dead rows, suspicious scales. */
  readonly remarks: readonly string[];
}

/** One tensor of the file. */
export interface TensorReport {
  readonly name: string;
  readonly type: string;
  /** As GGUF has it: the first number is the length of a row. */
  readonly shape: readonly number[];
  readonly bytes: number;
  /** SHA-256 of the bytes in the file. */
  readonly hash: string;
  readonly engine: 'equal' | 'differs' | 'not-computed';
  /** Why it was not computed. */
  readonly why?: string;
  /** Of the values that ggml makes; null where it makes none. */
  readonly statistics: Statistics | null;
  /** null where the two could not be compared. */
  readonly bits: Bits | null;
  /** The first values, where they were asked for. */
  readonly values?: { readonly ggml: readonly number[]; readonly engine: readonly number[] | null };
}
