import { type Bug, caseFor } from '../bug.js';
import type { StageCase } from '../case.js';
import { CATALOGUE } from '../catalogue.js';
import { canCompute } from '../compute.js';
import { unknown } from '../words/said.js';
import { conclude } from './conclude.js';
import type { Diagnosis } from './diagnosis.js';
import { distance, inLimits, type Limits } from './distance.js';
import { pairs } from './pairs.js';
import { fewRows, someColumns, wholeStage } from './sample.js';
import { singles } from './singles.js';
import { showLimit } from './text.js';
import { type Bench, benchOf, isCause } from './trial.js';
import { Turns } from './turns.js';
import { wholly } from './whole.js';

export interface DiagnoseOptions {
  /** The limits that the verdict holds this stage to: what is confirmed by others than those it was accused by is no proof. */
  readonly limits: Limits;
  /** What a right stage of the engine leaves, where that is more than the oracle's own rounding: it keeps its values in 16 bits. */
  readonly rounding?: Limits | undefined;
  readonly catalogue?: readonly Bug[];
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Lets the event loop go on between two computations. */
  readonly yield?: () => Promise<void>;
  /** How long to try pairs of bugs if no single bug is the cause, in milliseconds. */
  readonly budgetMs?: number;
}

/**
 * Names the bug of a faulty stage: every bug of the catalogue is recomputed from the stage's own inputs, and the one that reproduces
 * the wrong numbers is the cause. If none does, the answer is `unknown`.
 *
 * @param c the stage, with the inputs that the sick rows were computed from
 * @param sick what the engine made of them, (rows, width) @param right what is right, as sick
 * @throws the signal's reason when it aborts
 * @example (await diagnose(c, sick, right, { limits })).text // 'RoPE turns the halves of a head, not neighbours: recomputed …'
 */
export async function diagnose(
  c: StageCase,
  sick: Float32Array,
  right: Float32Array,
  options: DiagnoseOptions,
): Promise<Diagnosis> {
  const { limits, rounding, catalogue = CATALOGUE, budgetMs = 4000 } = options;
  if (sick.length !== right.length || right.length === 0 || right.length % c.rows !== 0) {
    throw new RangeError(`${c.stage} has ${sick.length} sick and ${right.length} right values for ${c.rows} rows.`);
  }
  if (!canCompute(c)) return unknown(`nothing says how ${c.stage} is computed.`);
  const whole = wholeStage(c, sick, right);
  const before = distance(sick, right, whole.width, whole.hidden);
  if (inLimits(before, limits) <= 1) return unknown('the rows are within the limit: there is nothing to name.');

  const bugs = catalogue.filter((bug) => caseFor(bug, c));
  const all = benchOf(someColumns(whole), limits);
  const problem = oracleProblem(all);
  if (problem) return unknown(problem);
  const few = benchOf(fewRows(whole), limits);
  const turns = new Turns(options, budgetMs, bugs.length);

  const found = await singles(bugs, c, all, few, turns);
  if (!found.some((trial) => isCause(trial, limits))) found.push(...(await pairs(bugs, c, found, all, few, turns)));
  const trials = all.sample.width === whole.width ? found : await wholly(whole, before, found, limits, turns);
  const { sample, healthy } = all;
  const own = rounding ?? distance(sample.right, healthy, sample.width, sample.hidden);
  return conclude(c, whole.width, before, limits, trials, bugs.length, own);
}

/**
 * Why the oracle cannot judge a stage; undefined if it can. Without a bug it must compute the right rows from the stage's inputs:
 * otherwise the rows that it computes with a bug mean nothing.
 */
function oracleProblem({ sample, healthy, right, limits }: Bench): string | undefined {
  const own = distance(sample.right, healthy, sample.width, sample.hidden);
  const isMuchCloser = own.unmatched === 0 && own.delta2 <= 0.01 * right.delta2;
  if (inLimits(own, limits) <= 1 || isMuchCloser) return undefined;
  const off =
    own.unmatched > 0
      ? `${own.unmatched} values that are a number on one side only`
      : `a relative RMS delta of ${own.rel.toExponential(1)}, limit ${showLimit(limits.rel)}`;
  return (
    `even without a bug the oracle does not make the right rows of these inputs (${off}): ` +
    'they are of another run, or the model does something that the oracle does not know.'
  );
}
