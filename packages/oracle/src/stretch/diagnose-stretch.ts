import type { Bug } from '../bug.js';
import { CATALOGUE } from '../catalogue.js';
import type { Diagnosis } from '../diagnose/diagnosis.js';
import { inLimits, type Limits } from '../diagnose/distance.js';
import { type TurnOptions, Turns } from '../diagnose/turns.js';
import { benchOfStretch, fewRowsOf, makesThem, type StretchTrial, tryOut } from './bench.js';
import { concludeStretch, unknownStretch } from './conclude-stretch.js';
import { searchesOf } from './fit.js';
import { keepingWeights } from './kept-weights.js';
import { FEW, formsIn } from './scopes.js';
import type { Stretch } from './stretch.js';

export interface StretchOptions extends TurnOptions {
  /** The limits that the last stage of the stretch was accused by. */
  readonly limits: Limits;
  /** What a right stretch of the engine leaves, where it keeps its values in 16 bits. */
  readonly rounding?: Limits | undefined;
  readonly catalogue?: readonly Bug[];
  /** How many multiplications may be made, roughly: the same forms are tried on every machine. */
  readonly budget: number;
}

/**
 * Names the bug of a stretch whose stages the engine does not have: each known bug is put into the stages that it may be in, and all that
 * follows is computed, from the engine's own rows before the stretch. What makes the engine's rows at its end is likely: to be sure, one dumps the stage.
 *
 * Forms that take little come first, then those whose parameter is searched. Each is the same for every bug: nothing is known of how a bug shows.
 *
 * @param sick the engine's rows at the end of the stretch @param right what is right there
 * @throws the signal's reason when it aborts
 * @example (await diagnoseStretch(stretch, sick, right, { limits, budget: 2 ** 34 })).text // 'Likely, not confirmed: RoPE turns …, in q_rope and k_rope of layer 3, …'
 */
export async function diagnoseStretch(
  stretch: Stretch,
  sick: Float32Array,
  right: Float32Array,
  options: StretchOptions,
): Promise<Diagnosis> {
  const { limits, catalogue = CATALOGUE, budget } = options;
  const kept = keepingWeights(stretch);
  const bench = benchOfStretch(kept, sick, right, options);
  if (typeof bench === 'string') return unknownStretch(stretch, bench);
  if (inLimits(bench.right, limits) <= 1)
    return unknownStretch(stretch, 'the rows are within the limit: there is nothing to name.');
  const few = fewRowsOf(bench, right, FEW);
  const turns = new Turns(options, 0, 0);
  const forms = catalogue.flatMap((bug) => formsIn(bug, kept)).sort((a, b) => a.work - b.work);
  turns.expect(forms.length);
  const trials: StretchTrial[] = [];
  let work = 0;
  let left = 0;
  for (const put of forms) {
    await turns.pause();
    work += put.work;
    if (work > budget) left++;
    else {
      const tried = tryOut(few, put);
      const isNear = tried && inLimits(tried.distance, limits) <= CLOSE;
      const onAll = isNear && few !== bench ? tryOut(bench, put) : tried;
      if (onAll && isNear) trials.push(onAll);
    }
    turns.finish();
  }
  if (!trials.some((trial) => makesThem(trial, bench))) {
    const searches = catalogue.flatMap((bug) => searchesOf(bug, kept)).sort((a, b) => a.work - b.work);
    for (const search of searches) {
      work += search.work;
      if (work > budget) left++;
      const value = work > budget ? undefined : await search.fit(few, turns);
      const tried = value && tryOut(bench, value);
      if (!tried) continue;
      trials.push(tried);
      if (makesThem(tried, bench)) break;
    }
  }
  const tried = new Set(forms.map(({ bug }) => bug.id)).size;
  return concludeStretch(bench, trials, { bugs: tried, left, catalogue });
}

const CLOSE = 10; // limits: what is further from few rows is not tried on all
