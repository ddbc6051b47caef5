import type { WeightsReport } from '../report.js';
import type { Index } from '../statistics.js';
import type { Layout } from './layouts.js';
import type { Misreading } from './misread.js';
import type { Values } from './relation.js';

/** What `probe weights --against` found: the answer first, then each tensor. */
export interface WeightsComparison
  extends Pick<WeightsReport, 'schema' | 'verdict' | 'reason' | 'next' | 'model' | 'reference'> {
  readonly other: { readonly file: string; readonly format: string; readonly tensors: number };
  readonly pairs: readonly PairReport[];
  /** Tensors of the model that the other side has not, and the other way round. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly remarks: readonly string[];
}

/** A tensor of the model beside what the other side has under its name. */
export interface PairReport {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** Its names on the other side: of experts, all of them. */
  readonly other: readonly string[];
  readonly otherType: string;
  /** As that side has it: the length of a row last, unless it is GGUF. */
  readonly otherShape: readonly number[];
  readonly verdict: 'equal' | 'differs';
  /** What it took to bring the values into one order; empty where they are. */
  readonly layout: readonly Layout[];
  /** How the values are related then. */
  readonly values: Values;
  /** The bug of dequantisation that computes the other side's values from the model's bytes. */
  readonly misreading: Misreading | null;
  /** The tensor of the model whose values these are. */
  readonly is: string | null;
  readonly count: number;
  readonly differing: number;
  readonly rel: number;
  /** The first value that differs; the block is of the model's type. */
  readonly first: (Index & { readonly block: number; readonly ours: number; readonly theirs: number }) | null;
  /** All of that in a sentence. */
  readonly text: string;
}
