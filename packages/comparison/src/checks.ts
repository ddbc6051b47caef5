import { type Checked, checksOf, compareCaches, graphOf, Invariants } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import type { Looking } from './asked.js';
import { type FreeRun, modelOf } from './free.js';
import type { Plan } from './plan.js';
import type { Checks } from './report.js';
import type { RunPlan, Side } from './side.js';

/**
 * What each side must keep by itself.
 *
 * @param closer something is wrong: what needs the weights, or a further run, is looked at too
 */
export async function checkSides(
  candidate: Side,
  reference: Side,
  plan: Plan,
  { checks }: FreeRun,
  { closer, model }: { readonly closer: boolean; readonly model: GgufFile | undefined },
  { progress }: Looking,
): Promise<Checks> {
  const results = { candidate: checks.candidate.invariants.result(), reference: checks.reference.invariants.result() };
  if (!closer) return results;
  progress.say('checking what must hold of each side by itself');
  const about = modelOf(candidate, reference);
  const first = model && (await import('./first-attention.js')); // and what dequantises its weight
  const check = async (side: Side, name: keyof Checks): Promise<Checked> => {
    const rows = checks[name].invariants.firstRows;
    const own = first ? together(results[name], first.checkFirstAttention(model, rows, about)) : results[name];
    return checksOf(about).holds.has('cache') ? together(own, await checkCache(side, plan.run)) : own;
  };
  return { candidate: await check(candidate, 'candidate'), reference: await check(reference, 'reference') };
}

/** ‖a−b‖ / ‖b‖ of a row of K or V: other kernels for one token than for many round differently, and quantised activations more so. */
const CACHE_TOLERANCE: Readonly<Record<string, number>> = { exact: 1e-3, native: 0.15 };

/** The cache after decoding holds what it holds when all tokens are the prompt; nothing of a side that cannot run, or has not decoded. */
async function checkCache(side: Side, run: RunPlan): Promise<Checked> {
  const { tokens, steps = 0, forcedTokens = [], ubatch, signal } = run;
  if (side.recorded || steps === 0) return nothing();
  const graph = graphOf({ graph: side.about.graph, ...side.about.heads }, [{ layer: 0 }]);
  const stages = [...graph.cachedNames];
  // One run after the other: llama.cpp waits for whoever reads it.
  const decoded = side.run({ tokens, steps, forcedTokens, ubatch, stages, signal }).tensors;
  const prefill = lazily(() => side.run({ tokens: [...tokens, ...forcedTokens], steps: 0, stages, signal }).tensors);
  return compareCaches(decoded, prefill, CACHE_TOLERANCE[side.about.mode ?? 'exact'] ?? 1e-3, graph);
}

/** A run that begins when its first tensor is asked for. */
async function* lazily(start: () => AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
  yield* start();
}

const nothing = (): Checked => new Invariants({}).result();

/** Adds what another check has found. */
export function together(a: Checked, b: Checked): Checked {
  const checked = { ...a.checked };
  for (const [name, rows] of Object.entries(b.checked)) checked[name as keyof typeof checked] += rows;
  const broken = [...a.broken, ...b.broken].sort((x, y) => x.step - y.step || x.order - y.order);
  return { broken, checked, leftOut: a.leftOut };
}
