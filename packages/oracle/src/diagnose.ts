import type { StageCase } from './catalogue/case.js';
import { canCompute } from './catalogue/compute.js';
import type { CatalogueEntry } from './catalogue/entry.js';
import { CATALOGUE } from './catalogue/index.js';
import { conclude } from './diagnose/conclude.js';
import { distance, inLimits } from './diagnose/distance.js';
import { oracleProblem } from './diagnose/oracle-problem.js';
import { pairs } from './diagnose/pairs.js';
import { fewRows, someColumns, wholeStage } from './diagnose/sample.js';
import { singles } from './diagnose/singles.js';
import { benchOf, isCause } from './diagnose/suspect.js';
import { Turns } from './diagnose/turns.js';
import { wholly } from './diagnose/whole.js';

/** A known bug, and how well it reproduces the sick rows. */
export interface Candidate extends Pick<CatalogueEntry, 'id' | 'title' | 'changes' | 'look' | 'source'> {
  /** Its values; of one that was searched also what the file says. @example { eps: 1e-6, 'the file says': 1e-5 } */
  readonly parameters: Readonly<Record<string, number | string>>;
  /** ‖sick − right‖ / ‖right‖ */
  readonly deltaBefore: number;
  /** ‖sick − reproduced‖ / ‖reproduced‖ */
  readonly delta: number;
  /** The other bug, where it takes two. */
  readonly with?: Pick<Candidate, 'id' | 'title' | 'look' | 'parameters'>;
}

/** What is known about why a stage is wrong. */
export interface Diagnosis {
  /**
   * confirmed: the first candidate reproduces the sick rows to within the limit, as a whole, row by row and value by value.
   * likely: it reproduces nine tenths of the error. unknown: nothing does.
   */
  readonly confidence: 'confirmed' | 'likely' | 'unknown';
  /** Those that take away some of the error, best first; at most 5. */
  readonly candidates: readonly Candidate[];
  /** The ids of others that reproduce the rows to within the limit too, of a pair `a + b`: what these inputs cannot tell apart. */
  readonly indistinguishable: readonly string[];
  /** Runs that would tell them apart; none where no run would. */
  readonly hint?: string;
  readonly text: string;
}

export interface DiagnoseOptions {
  /** What the stage's relative RMS delta may be. That of a row may be 4 times as much, and a value off by 100 times, as in the verdict. */
  readonly limit: number;
  readonly catalogue?: readonly CatalogueEntry[];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Lets the event loop go on between two computations. */
  readonly yield?: () => Promise<void>;
  /** How long to try pairs of bugs where no single one is the cause, in milliseconds. */
  readonly budgetMs?: number;
}

/**
 * Names the bug of a faulty stage: every entry of the catalogue is recomputed from the stage's own inputs, and the one that reproduces
 * the wrong numbers is the cause. Where none does the answer is `unknown`.
 *
 * @param c the stage, with the inputs that the sick rows were computed from
 * @param sick what the engine made of them, (rows, width) @param right what is right, as sick
 * @throws the signal's reason when it aborts
 * @example (await diagnose(c, sick, right, { limit: 1e-5 })).text // 'RoPE turns the halves of a head, not neighbours: recomputed …'
 */
export async function diagnose(
  c: StageCase,
  sick: Float32Array,
  right: Float32Array,
  options: DiagnoseOptions,
): Promise<Diagnosis> {
  const { limit, catalogue = CATALOGUE, budgetMs = 4000 } = options;
  if (sick.length !== right.length || right.length === 0 || right.length % c.rows !== 0) {
    throw new RangeError(`${c.stage} has ${sick.length} sick and ${right.length} right values for ${c.rows} rows.`);
  }
  if (!canCompute(c.stage)) return unknown(`nothing says how ${c.stage} is computed.`);
  const whole = wholeStage(c, sick, right);
  const before = distance(sick, right, whole.width, whole.hidden);
  if (inLimits(before, limit) <= 1) return unknown('the rows are within the limit: there is nothing to name.');

  const entries = catalogue.filter((entry) => entry.stages.includes(c.stage));
  const all = benchOf(someColumns(whole), limit);
  const problem = oracleProblem(all);
  if (problem) return unknown(problem);
  const few = benchOf(fewRows(whole), limit);
  const turns = new Turns(options, budgetMs, entries.length);

  const found = await singles(entries, c, all, few, turns);
  if (!found.some((trial) => isCause(trial, limit))) found.push(...(await pairs(entries, c, found, all, few, turns)));
  const trials = all.sample.width === whole.width ? found : await wholly(whole, before, found, limit, turns);
  return conclude(c, whole.width, before, limit, trials, entries.length);
}

const unknown = (why: string): Diagnosis => ({
  confidence: 'unknown',
  candidates: [],
  indistinguishable: [],
  text: `Unknown: ${why}`,
});
