import type { Blamed } from '@llama-probe/comparison';
import { nearest, UsageError } from '@llama-probe/comparison/ask';
import type { StageResult } from '@llama-probe/diff';

/** The stage that a test is made of. */
export type Target = Pick<StageResult, 'step' | 'layer' | 'stage' | 'token' | 'limits' | 'rel'> & {
  /** Whether it is wrong by itself. */
  readonly isWrong: boolean;
};

/** Which stage was asked for. */
export interface Asked {
  readonly stage?: string | undefined;
  readonly layer?: number | undefined;
  readonly step?: number | undefined;
}

/**
 * The first stage that is wrong by itself, or the one that was asked for: where it is wrong, if it is.
 *
 * @returns undefined where nothing was asked for and nothing is wrong
 * @throws UsageError for a stage that the run does not have
 */
export function targetOf({ explained, stages }: Blamed, asked: Asked): Target | undefined {
  const isAsked = ({ stage, layer, step }: Pick<StageResult, 'stage' | 'layer' | 'step'>) =>
    (asked.stage === undefined || stage === asked.stage) &&
    (asked.layer === undefined || layer === asked.layer) &&
    (asked.step === undefined || step === asked.step);
  const fault = explained.faults.find((one) =>
    one.steps.some((step) => isAsked({ ...one, step }) && (asked.step === undefined || step === one.step)),
  );
  if (fault) return { ...fault, rel: fault.local, isWrong: true };
  const stage = stages.find((one) => isAsked(one) && one.verdict !== 'incomparable');
  if (stage && asked.stage === undefined) return undefined;
  if (stage) return { ...stage, isWrong: stage.verdict === 'diverged' };
  throw noSuchStage(stages, asked);
}

function noSuchStage(stages: readonly StageResult[], { stage, layer, step }: Asked): UsageError {
  const named = stages.filter((one) => stage === undefined || one.stage === stage);
  if (named.length === 0) {
    const names = [...new Set(stages.map((one) => one.stage))];
    const near = names.length > 0 ? `; did you mean ${nearest(stage as string, names)}?` : '.';
    return new UsageError(`--stage: "${stage}" is no stage of the run${near} It has ${names.join(', ')}.`);
  }
  const what = [
    ...(layer === undefined ? [] : [`layer ${layer}`]),
    ...(step === undefined ? [] : [`step ${step}`]),
  ].join(', ');
  const [layers, steps] = [named.flatMap((one) => one.layer ?? []), named.map((one) => one.step)];
  const range = (of: readonly number[]) => `${Math.min(...of)} to ${Math.max(...of)}`;
  const has = `${layers.length > 0 ? `layers ${range(layers)}` : 'no layers'}, steps ${range(steps)}`;
  return new UsageError(`The run has no ${stage ?? 'stage'} at ${what} that could be compared; it has it in ${has}.`);
}
