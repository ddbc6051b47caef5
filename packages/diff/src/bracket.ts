import { type Graph, idOf, isDetail, type StageId, stageKey } from '@llama-probe/dump/stage';
import type { Between, StageResult } from './comparison.js';
import { describe, fromToken, whyWrong } from './words.js';

/** What the candidate does not have, and how the model's stages follow from each other; without a graph their order has to do. */
export interface Gaps {
  readonly gaps: readonly (StageId & { readonly order: number })[];
  readonly graph?: Graph | undefined;
  /** Not every stage was to be judged: what is before the first that is wrong may be wrong too. */
  readonly isPart?: boolean;
}

/** Between what the error of the first wrong stage begins. */
interface Bracket {
  /** The last stage before it that was compared, which agrees; undefined where there is none. */
  readonly after: StageId | undefined;
  /** What lies between, of the reference alone. */
  readonly between: readonly StageId[];
}

/** Where the error begins, in words and as data. */
export interface Beginning {
  readonly reason: string;
  readonly between?: Between;
}

/** What was not compared between the first wrong stage and what agrees before it; undefined where all of that was. */
function bracketOf(first: StageResult, stages: readonly StageResult[], { gaps, graph }: Gaps): Bracket | undefined {
  const compared = new Map(stages.map((stage) => [stageKey(stage), stage]));
  const later = (a: StageResult | undefined, b: StageResult) => (a && a.order >= b.order ? a : b);
  let after: StageResult | undefined;
  if (graph?.has(first.stage)) {
    const missing = new Map(gaps.map((gap) => [stageKey(gap), gap]));
    const between = new Map<string, StageId & { readonly order: number }>();
    const open = [...graph.inputsOf(first)];
    const seen = new Set<string>();
    for (let place = open.pop(); place; place = open.pop()) {
      const key = stageKey({ step: first.step, ...place });
      if (seen.has(key)) continue;
      seen.add(key);
      const own = compared.get(key);
      if (own) {
        after = later(after, own);
        continue;
      }
      const gap = missing.get(key);
      if (gap && !isDetail(gap.stage)) between.set(key, gap);
      open.push(...graph.inputsOf(place));
    }
    return between.size === 0 ? undefined : { after, between: [...between.values()].sort((a, b) => a.order - b.order) };
  }
  for (const stage of stages) if (stage.step === first.step && stage.order < first.order) after = later(after, stage);
  const from = after?.order ?? Number.NEGATIVE_INFINITY;
  const between = gaps.filter(({ step, order }) => step === first.step && order > from && order < first.order);
  return between.length === 0 ? undefined : { after, between };
}

/**
 * Where the error begins: in a stage, or between two where the candidate does not have what lies between.
 *
 * @param even what it is wrong in spite of
 */
export function beginning(first: StageResult, stages: readonly StageResult[], gaps: Gaps, even = ''): Beginning {
  const bracket = bracketOf(first, stages, gaps);
  const why = `${fromToken(first)}${even}: ${whyWrong(first)}.`;
  if (!bracket)
    return {
      reason: `${describe(first)} is the first ${gaps.isPart ? 'of these stages' : 'stage'} that is wrong${why}`,
    };
  const { after, between } = bracket;
  const names = [...new Set(between.map(({ stage }) => stage))];
  const layers = [...new Set(between.flatMap(({ layer }) => layer ?? []))].sort((a, b) => a - b);
  const count = between.length === 1 ? 'The stage between them is' : `The ${between.length} stages between them are`;
  const where = after
    ? `The error begins between ${describe(after)}, which agrees, and ${describe(first)}, which is wrong${why} ${count}`
    : `${describe(first)} is wrong${why} What it is computed from is`;
  const capture = `--stages ${names.join(',')}${layers.length > 0 ? ` --layers ${layers.join(',')}` : ''}`;
  return {
    reason: `${where} not in the candidate; capture there: ${capture}.`,
    between: { after: after ? idOf(after) : null, stages: names, layers },
  };
}
