import { compareCaches, type Explained } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { RunOptions } from '@llama-probe/engine';
import { type Checks, checkFirstAttention, merge } from '../checks.js';
import { recordOnly } from '../selection.js';
import { type Both, graphOf, heads, runEngine } from './both.js';
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
  const stages = [...graphOf(engine).cachedNames];
  const hook = recordOnly({ stages, layers: undefined });
  const start = {
    candidate: (run: CacheRun) => runEngine(both, { ...run, hook }).tensors,
    reference: (run: CacheRun) => reference.run({ ...run, stages }).tensors,
  };
  const side = async (name: keyof Checks, tolerance: number) => {
    const attention = checkFirstAttention(file, watches[name].invariants.firstRows, heads(engine));
    const own = merge(result[name], attention);
    if (steps === 0) return own;
    // One run after the other: llama.cpp waits for whoever reads it.
    const decoded = start[name]({ tokens, steps, forcedTokens, ubatch });
    const prefill = lazily(() => start[name]({ tokens: all, steps: 0 }));
    return merge(own, await compareCaches(decoded, prefill, tolerance));
  };
  return {
    candidate: await side('candidate', CACHE_TOLERANCE.exact),
    reference: await side('reference', CACHE_TOLERANCE[reference.info.mode]),
  };
}

/** ‖a−b‖ / ‖b‖ of a row of K or V: other kernels for one token than for many round differently, and quantised activations more so. */
const CACHE_TOLERANCE = { exact: 1e-3, native: 0.15 };

type CacheRun = Pick<RunOptions, 'tokens' | 'steps' | 'forcedTokens' | 'ubatch'>;

/** A run that begins when its first tensor is asked for. */
async function* lazily(start: () => AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
  yield* start();
}
