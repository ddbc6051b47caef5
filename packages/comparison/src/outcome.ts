import { basename } from 'node:path';
import type { StageId, Verdict } from '@llama-probe/diff';
import type { Report } from './report.js';
import type { Recorder } from './watcher.js';

/** Something to say about a run beside its report, such as what a gate found. */
export interface Note {
  readonly level: 'error' | 'warning' | 'notice';
  readonly text: string;
  /** The stage that it is about. */
  readonly at?: StageId;
}

/** A comparison under the name that reports of several know it by. Every output is drawn from a list of them. */
export interface Outcome {
  readonly name: string;
  /** The report's own, unless a gate knows better. */
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly report: Report;
  readonly notes: readonly Note[];
}

/** An outcome with what only a run that is still in memory has: per-token and per-head deltas, and values. */
export interface Finding extends Outcome {
  readonly recorder?: Recorder | undefined;
}

/** What came of a single comparison. */
export function outcomeOf(report: Report): Outcome {
  const { verdict, reason, model } = report;
  return { name: `${basename(model.file)}, ${report.tokens.length} tokens`, verdict, reason, report, notes: [] };
}
