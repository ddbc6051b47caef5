import { compareCaches, type Explained } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Checks, checkFirstAttention, merge } from '../checks.js';
import { recordOnly } from '../selection.js';
import { type Both, heads, runEngine } from './both.js';
import type { FreeRun } from './free.js';
import type { Plan } from './plan.js';

/** What each side must keep by itself; where something is wrong, what needs a further run or the weights too. */
export async function checks(
  both: Both,
  { all, tokens, steps, forcedTokens, ubatch }: Plan,
  { watches }: FreeRun,
  explained: Explained | undefined,
): Promise<Checks> {
  const { engine, reference, file, progress } = both;
  const result = { candidate: watches.candidate.invariants.result(), reference: watches.reference.invariants.result() };
  if (!explained) return result;
  progress.say('checking what must hold of each side by itself');
  const stages = ['k_rope', 'v_proj'];
  const once = { tokens: all, steps: 0 };
  const stepwise = { tokens, steps, forcedTokens, ubatch };
  const hook = recordOnly({ stages, layers: undefined });
  const caches = {
    candidate: [stepwise, once].map((run) => runEngine(both, { ...run, hook }).tensors),
    reference: [stepwise, once].map((run) => reference.run({ ...run, stages }).tensors),
  };
  const side = async (name: keyof Checks, tolerance: number) => {
    const [decoded, prefill] = caches[name] as [AsyncIterable<Tensor>, AsyncIterable<Tensor>];
    const attention = checkFirstAttention(file, watches[name].invariants.firstRows, heads(engine));
    const own = merge(result[name], attention);
    return steps === 0 ? own : merge(own, await compareCaches(decoded, prefill, tolerance));
  };
  return {
    candidate: await side('candidate', CACHE_TOLERANCE.exact),
    reference: await side('reference', CACHE_TOLERANCE[reference.info.mode]),
  };
}

/** ‖a−b‖ / ‖b‖ of a row of K or V: other kernels for one token than for many round differently, and quantised activations more so. */
const CACHE_TOLERANCE = { exact: 1e-3, native: 0.15 };
