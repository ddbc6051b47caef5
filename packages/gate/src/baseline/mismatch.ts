import { describe, tokenDifference } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import type { Baseline, BaselineAbout, BaselineStage } from './baseline.js';

/** @param other what is different */
export const notOfThisRun = (file: string, other: string): string =>
  `The baseline ${file} is not of this run: ${other}. Run probe gate --update if that is meant.`;

type Stages = readonly Pick<BaselineStage, 'step' | 'layer' | 'stage'>[];

/** What shows that a baseline is not of this run; undefined if it is. */
export const mismatch = (baseline: Baseline, now: BaselineAbout, stages: Stages): string | undefined =>
  otherRun(baseline, now) ?? otherStages(baseline.stages, stages);

/** What can be told before anything runs. */
export type RunAbout = Pick<BaselineAbout, 'name' | 'model' | 'prompt' | 'steps' | 'reference' | 'tokens'>;

/** What shows that a baseline is of another run. */
export function otherRun(baseline: Baseline, now: RunAbout): string | undefined {
  return (
    other('the model', baseline.model.hash?.slice(0, 12), now.model.hash?.slice(0, 12)) ??
    other(
      'the quantisation',
      baseline.model.quantize ?? 'the file as it is',
      now.model.quantize ?? 'the file as it is',
    ) ??
    other('the importance matrix', imatrixOf(baseline), imatrixOf(now)) ??
    other("the prompt's hash", baseline.prompt?.slice(0, 12), now.prompt?.slice(0, 12)) ??
    other('the number of decoded tokens', baseline.steps, now.steps) ??
    other('the reference', baseline.reference.mode, now.reference.mode) ??
    otherTokens(baseline.tokens, now.tokens) ??
    other('the case', baseline.name, now.name)
  );
}

const imatrixOf = ({ model }: RunAbout): string => model.imatrix?.slice(0, 12) ?? 'none';

function other<T>(what: string, was: T | null | undefined, is: T | null | undefined): string | undefined {
  if (was === is || was == null || is == null) return undefined;
  return `${what} is another one: ${is}, and ${was} in the baseline`;
}

function otherTokens(was: readonly number[], is: readonly number[]): string | undefined {
  if (tokenDifference(is, was) === undefined) return undefined;
  const at = is.findIndex((id, i) => id !== was[i]);
  const position = at < 0 ? is.length : at;
  return `the tokens differ: at position ${position} ${is[position] ?? 'nothing'}, and ${was[position] ?? 'nothing'} in the baseline`;
}

function otherStages(was: Stages, is: Stages): string | undefined {
  const [known, found] = [was, is].map((stages) => new Map(stages.map((stage) => [stageKey(stage), stage])));
  const gone = was.filter((stage) => !found?.has(stageKey(stage)));
  const added = is.filter((stage) => !known?.has(stageKey(stage)));
  const [missing] = gone;
  if (missing) return `${counted(gone.length)} of the baseline's were not compared, such as ${describe(missing)}`;
  const [extra] = added;
  if (extra) return `the baseline lacks ${counted(added.length)} that were compared, such as ${describe(extra)}`;
  return undefined;
}

const counted = (count: number): string => `${count} stage${count === 1 ? '' : 's'}`;
