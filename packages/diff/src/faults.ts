import { cachedInputOf, inputsOf, stageKey } from '@llama-probe/dump';
import { layerCount } from './compare.js';
import type { Comparison, Fault, StageId, StageResult } from './comparison.js';
import type { Floor } from './floors.js';
import { describe, fromToken, whyWrong } from './judge.js';

/** A comparison of free runs, with what a teacher-forced run says about it. */
export interface Explained extends Comparison {
  /** The stages that are wrong even from the reference's inputs, in evaluation order; those of one layer and name are one. */
  readonly faults: readonly LimitedFault[];
}

/** A fault with all the limits that it was held to: its cause must reproduce its rows to within the same. */
export interface LimitedFault extends Fault {
  readonly limits: Floor;
}

/**
 * Tells the stages with a fault of their own from those that inherit one.
 *
 * In the teacher-forced run every stage started from the reference's inputs, so what is wrong there is its own. Any other stage that
 * diverged in the free run inherits from the last stage upstream of it, in the same step or through the KV cache, that has a fault.
 *
 * @example explain(await compare(free, llama, options), await compare(forced, llamaAgain, options)).faults
 */
export function explain(free: Comparison, forced: Comparison): Explained {
  const own = new Map(forced.stages.map((stage) => [stageKey(stage), stage]));
  const origins = originsOf(forced.stages);
  const stages = free.stages.map((stage) => {
    const twin = own.get(stageKey(stage));
    const origin = stage.verdict === 'diverged' ? origins.get(stageKey(stage)) : undefined;
    const inherits = origin && origin !== twin ? idOf(origin) : null;
    return { ...stage, local: twin?.rel ?? null, inherits };
  });
  const faults = faultsOf(forced.stages);
  const [first] = faults;
  if (!first) return { ...free, stages, faults, ...unexplained(free) };
  const { order, step, layer, stage, token, cause, where } = first;
  return {
    ...free,
    verdict: 'diverged',
    stages,
    faults,
    first: { order, step, layer, stage, token, cause, where },
    reason: sentence(faults, own, stages),
  };
}

/** For each stage the last stage upstream of it, or itself, that is wrong by itself. */
function originsOf(forced: readonly StageResult[]): Map<string, StageResult> {
  const layers = layerCount(forced);
  const origins = new Map<string, StageResult>();
  const cache = new Map<string, StageResult>(); // what earlier steps have left, by layer and stage
  for (const stage of [...forced].sort((a, b) => a.step - b.step || a.order - b.order)) {
    const key = stageKey(stage);
    const inputs = inputsOf(stage, layers).map((input) => origins.get(stageKey({ step: stage.step, ...input })));
    const cached = cachedInputOf(stage);
    if (cached) inputs.push(cache.get(stageKey({ step: 0, ...cached })));
    const origin = stage.verdict === 'diverged' ? stage : latest(inputs);
    if (!origin) continue;
    origins.set(key, origin);
    const place = stageKey({ ...stage, step: 0 });
    cache.set(place, latest([cache.get(place), origin]) ?? origin);
  }
  return origins;
}

function latest(stages: readonly (StageResult | undefined)[]): StageResult | undefined {
  return stages.reduce(
    (a, b) => (a && (!b || b.step < a.step || (b.step === a.step && b.order < a.order)) ? a : b),
    undefined,
  );
}

function faultsOf(forced: readonly StageResult[]): LimitedFault[] {
  const faults = new Map<string, LimitedFault & { steps: number[] }>();
  for (const stage of forced) {
    if (stage.verdict !== 'diverged') continue;
    const key = stageKey({ ...stage, step: 0 });
    const known = faults.get(key);
    if (known) known.steps.push(stage.step);
    else {
      const { order, token, rel, limit, limits, where, reason } = stage;
      faults.set(key, {
        order,
        ...idOf(stage),
        token,
        cause: null,
        where,
        ...(reason === undefined ? {} : { reason }),
        steps: [stage.step],
        local: rel,
        limit,
        limits,
      });
    }
  }
  return [...faults.values()];
}

const idOf = ({ step, layer, stage }: StageId): StageId => ({ step, layer, stage });

function sentence(
  faults: readonly Fault[],
  own: ReadonlyMap<string, StageResult>,
  stages: readonly StageResult[],
): string {
  const [first] = faults as [Fault];
  const wrong = own.get(stageKey(first)) as StageResult;
  const inheriting = stages.filter(({ inherits }) => inherits).length;
  const others =
    faults.length === 1 ? 'no other stage has a fault of its own' : `${faults.length} stages have a fault of their own`;
  const rest = inheriting === 0 ? '' : `; the other ${inheriting} that diverged inherit it`;
  return `${describe(first)} is the first stage that is wrong${fromToken(first)}, even with the reference's own inputs: ${whyWrong(wrong)}; ${others}${rest}.`;
}

function unexplained(free: Comparison): Pick<Comparison, 'reason'> | undefined {
  if (free.verdict !== 'diverged') return undefined;
  return {
    reason: `${free.reason.replace(/\.$/, '')}. From the reference's own inputs no stage is wrong: the error builds up, or comes from what is not captured.`,
  };
}
