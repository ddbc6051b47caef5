import type { Bug } from '../bug.js';
import { CATALOGUE } from '../catalogue.js';
import type { Diagnosis } from '../diagnose/diagnosis.js';
import { inLimits, type Limits } from '../diagnose/distance.js';
import { type TurnOptions, Turns } from '../diagnose/turns.js';
import { benchOfStretch, fewRowsOf, makesThem, type StretchTrial, tryOut } from './bench.js';
import { concludeStretch, unknownStretch } from './conclude-stretch.js';
import { searchesOf } from './fit.js';
import { keepingWeights } from './kept-weights.js';
import { formsIn } from './scopes.js';
import type { Stretch } from './stretch.js';

export interface StretchOptions extends TurnOptions {
  /** The limits that the last stage of the stretch was accused by. */
  readonly limits: Limits;
  /** What a right stretch of the engine leaves, where it keeps its values in 16 bits. */
  readonly rounding?: Limits | undefined;
  readonly catalogue?: readonly Bug[];
  /** How long to try, in milliseconds. */
  readonly budgetMs: number;
}

/**
 * Names the bug of a stretch whose stages the engine does not have: each known bug is put into the stages that it may be in, and all that
 * follows is computed, from the engine's own rows before the stretch. What makes the engine's rows at its end is likely: to be sure, one dumps the stage.
 *
 * Forms that take little come first, then those whose parameter is searched. Each is the same for every bug: nothing is known of how a bug shows.
 *
 * @param sick the engine's rows at the end of the stretch @param right what is right there
 * @throws the signal's reason when it aborts
 * @example (await diagnoseStretch(stretch, sick, right, { limits, budgetMs: 20_000 })).text // 'Likely, not confirmed: RoPE turns …, in q_rope and k_rope of layer 3, …'
 */
export async function diagnoseStretch(
  stretch: Stretch,
  sick: Float32Array,
  right: Float32Array,
  options: StretchOptions,
): Promise<Diagnosis> {
  const { limits, catalogue = CATALOGUE, budgetMs } = options;
  const kept = keepingWeights(stretch);
  const bench = benchOfStretch(kept, sick, right, options);
  if (typeof bench === 'string') return unknownStretch(stretch, bench);
  if (inLimits(bench.right, limits) <= 1)
    return unknownStretch(stretch, 'the rows are within the limit: there is nothing to name.');
  const few = fewRowsOf(bench, right, FEW);
  const turns = new Turns(options, budgetMs, 0);
  const isLate = turns.budget(1);
  const forms = catalogue.flatMap((bug) => formsIn(bug, kept)).sort((a, b) => a.work - b.work);
  turns.expect(forms.length);
  const trials: StretchTrial[] = [];
  let left = 0;
  for (const put of forms) {
    await turns.pause();
    if (isLate()) left++;
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
      if (isLate()) left++;
      const value = isLate() ? undefined : await search.fit(few, turns, isLate);
      const tried = value && tryOut(bench, value);
      if (!tried) continue;
      trials.push(tried);
      if (makesThem(tried, bench)) break;
    }
  }
  const tried = new Set(forms.map(({ bug }) => bug.id)).size;
  return concludeStretch(bench, trials, { bugs: tried, left, catalogue, budgetMs });
}

const FEW = 2; // rows: what a form that is not the cause makes of them is elsewhere already
const CLOSE = 10; // limits: what is further from few rows is not tried on all
