import { type Graph, type Place, placeKey, type StageId, stageKey } from '@llama-probe/dump/stage';

/** Where what is wrong with a stage may come from. */
export interface Descent<T extends StageId> {
  /** The latest origin upstream of it, in its step or through the KV cache. */
  readonly from: T | undefined;
  /** Itself where it is an origin, else `from`. */
  readonly origin: T | undefined;
}

/**
 * Tells what stands at the beginning of an error from what only inherits it, in one walk through a run.
 *
 * Stages that the run does not have are seen through. Nobody knows the inputs of a name that the graph does not have: the latest origin
 * before it in its step counts.
 *
 * @param stages every stage of the run, in evaluation order
 * @param isOrigin whether an error begins in a stage that has `from` upstream
 * @param isClean whether an error that enters a stage ends there; it goes on through every stage where this is left out
 */
export function inheritance<T extends StageId>(
  stages: readonly T[],
  graph: Graph,
  isOrigin: (stage: T, from: T | undefined) => boolean,
  isClean: (stage: T) => boolean = () => false,
): ReadonlyMap<string, Descent<T>> {
  const order = new Map(stages.map((stage, at) => [stageKey(stage), at]));
  const latest = (a: T | undefined, b: T | undefined): T | undefined => {
    if (!a || !b) return a ?? b;
    return (order.get(stageKey(a)) as number) >= (order.get(stageKey(b)) as number) ? a : b;
  };
  const found = new Map<string, Descent<T>>();
  const cache = new Map<string, T>(); // what a place has left in any step so far
  const seenThrough = new Map<string, T | undefined>();
  let step = -1;
  let last: T | undefined; // the latest origin of this step

  const originOf = (at: StageId): T | undefined => {
    const key = stageKey(at);
    const known = found.get(key);
    if (known) return known.origin;
    if (order.has(key)) return undefined; // it is evaluated later, whatever the graph says
    if (!seenThrough.has(key)) seenThrough.set(key, upstreamOf(at));
    return seenThrough.get(key);
  };
  const upstreamOf = (at: StageId): T | undefined => {
    if (!graph.has(at.stage)) return last;
    const inputs = graph.inputsOf(at).map((input) => originOf({ step: at.step, ...input }));
    const cached = graph.cachedInputOf(at);
    return inputs.reduce(latest, cached && cache.get(placeKey(cached)));
  };

  const remember = (at: Place, origin: T | undefined): void => {
    const both = latest(cache.get(placeKey(at)), origin);
    if (both) cache.set(placeKey(at), both);
  };

  for (const stage of stages) {
    if (stage.step !== step) {
      // What fills the cache may be what the run does not have.
      for (const { cached } of graph.stages) {
        if (cached && !order.has(stageKey({ step, ...cached }))) remember(cached, originOf({ step, ...cached }));
      }
      step = stage.step;
      last = undefined;
      seenThrough.clear();
    }
    const from = upstreamOf(stage);
    const origin = isOrigin(stage, from) ? stage : isClean(stage) ? undefined : from;
    found.set(stageKey(stage), { from, origin });
    if (!origin) continue;
    last = latest(last, origin);
    remember(stage, origin);
  }
  return found;
}
