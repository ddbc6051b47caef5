import type { Place } from '@llama-probe/dump/stage';
import type { Bug } from '../bug.js';
import type { ByNumbers } from '../numbers/by-numbers.js';

/** A known bug that may be the cause, and how well it reproduces the sick rows. */
export interface Suspect extends Pick<Bug, 'id' | 'title' | 'changes' | 'look' | 'source'> {
  /** The values that reproduce the rows, and beside a value that was searched what the file says. @example { eps: 1e-6, 'the file says': 1e-5 } */
  readonly parameters: Readonly<Record<string, number | string>>;
  /** ‖sick − right‖ / ‖right‖ */
  readonly deltaBefore: number;
  /** ‖sick − reproduced‖ / ‖reproduced‖ */
  readonly delta: number;
  /** The stages that it acts in, where those are not the one that is wrong: the engine does not have them, and what is wrong comes of them. */
  readonly at?: readonly Place[];
  /** The other bug, if it takes two. */
  readonly with?: Pick<Suspect, 'id' | 'title' | 'look' | 'parameters'>;
}

/** What is known about why a stage is wrong, in parts that can each stand where they are looked for. */
export interface Said {
  /**
   * confirmed: the first suspect reproduces the sick rows to within the limits, as a whole, row by row and value by value.
   * likely: it reproduces nine tenths of the error; or all of it, from stages before the wrong one that the engine does not have. unknown: nothing does.
   */
  readonly confidence: 'confirmed' | 'likely' | 'unknown';
  /** The bug with its parameters; null where none is known. @example 'RoPE has another base frequency (rope_freq_base = 500000)' */
  readonly bug: string | null;
  /** What to change, in sentences; empty where no bug is known. */
  readonly look: string;
  /** What speaks for it, and what against; or why nothing is known. */
  readonly evidence: string;
  /** All of it, one after the other. */
  readonly text: string;
}

/** Why a stage is wrong: what is said of it, and the bugs behind that. */
export interface Diagnosis extends Said {
  /** The suspects, best first: at most 5 bugs that take away some of the error. */
  readonly candidates: readonly Suspect[];
  /** The ids of other bugs (of a pair: `a + b`) that reproduce the rows to within the limits too: these inputs cannot tell them apart. */
  readonly indistinguishable: readonly string[];
  /** The runs that would tell them apart; absent if no run would. */
  readonly hint?: string;
  /** What the wrong rows are by their numbers alone, where no bug is confirmed and that is simple: a fact, and no cause. */
  readonly byNumbers?: ByNumbers;
}
