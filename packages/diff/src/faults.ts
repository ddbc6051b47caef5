import { type Graph, idOf, placeKey, stageKey } from '@llama-probe/dump/stage';
import { type Beginning, beginning, type Gaps } from './bracket.js';
import type { Comparison, Fault, StageResult } from './comparison.js';
import type { Floor } from './floors.js';
import { graphOf } from './graph.js';
import { handedOn } from './handed-on.js';
import { inheritance } from './inheritance.js';
import { addedUp, jumps } from './rounding.js';
import { aloneText, passedOverText } from './words.js';

/** A comparison of free runs, with what blame, the run from the reference's inputs, says about it. */
export interface Explained extends Comparison {
  /** The stages that are wrong even from the reference's inputs, in evaluation order; those of one layer and name are one. */
  readonly faults: readonly LimitedFault[];
  /** Whose inputs each stage of that run started from: the reference's, or those that the candidate itself had. */
  readonly inputsOf: 'reference' | 'candidate';
}

/** A fault with all the limits that it was held to: its cause must reproduce its rows to within the same. */
export interface LimitedFault extends Fault {
  readonly limits: Floor;
}

/** What every stage of the second run started from, and who computed it: the candidate from the reference's rows, or the other way round. */
interface BlameRun {
  readonly graph?: Graph;
  readonly inputsOf?: 'reference' | 'candidate';
}

/**
 * Tells the stages with a fault of their own from those that inherit one.
 *
 * In that run both sides of every stage started from the same inputs, so what is wrong there is its own. Any other stage that
 * diverged in the free run inherits from the last stage upstream of it, in the same step or through the KV cache, that has a fault.
 *
 * Where the free run diverged and no stage is over its limit by itself, one that is far over its floor is the fault; and if there is none, and
 * the excess is small, it is rounding that added up: then the two sides agree.
 *
 * @example explain(await compare(free, llama, options), await compare(blamed, llamaAgain, options)).faults
 */
export function explain(
  free: Comparison,
  blamed: Comparison,
  { graph = graphOf({}, blamed.stages), inputsOf = 'reference' }: BlameRun = {},
): Explained {
  const inOrder = [...blamed.stages].sort((a, b) => a.step - b.step || a.order - b.order);
  const givenOn = inputsOf === 'candidate' ? handedOn(inOrder, graph) : new Set();
  const over = inOrder.filter((stage) => stage.verdict === 'diverged' && !givenOn.has(stageKey(stage)));
  const wrong = over.length === 0 && free.verdict === 'diverged' ? jumps(inOrder) : over;
  const own = new Map([...inOrder, ...wrong].map((stage) => [stageKey(stage), stage]));
  const isWrong = new Set(wrong.map(stageKey));
  const descent = inheritance(inOrder, graph, (stage) => isWrong.has(stageKey(stage)));
  const stages = free.stages.map((stage) => {
    const twin = own.get(stageKey(stage));
    const key = stageKey(stage);
    const origin = stage.verdict === 'diverged' ? descent.get(key)?.origin : undefined;
    const inherits = origin && stageKey(origin) !== key ? idOf(origin) : null;
    const { follows: _, ...known } = stage; // what a free run supposes
    return { ...known, local: twin?.rel ?? null, inherits };
  });
  const faults = faultsOf(wrong);
  const [first] = faults;
  const { between: _, ...compared } = free; // where a free run begins to be wrong, blame says it nearer, or that nothing is
  if (!first) {
    const agreed = addedUp(free, stages, own, inputsOf);
    return { ...(agreed ? compared : free), stages, faults, inputsOf, ...(agreed ?? unexplained(free, inputsOf)) };
  }
  const { order, step, layer, stage, token, cause, where } = first;
  const gaps = { gaps: blamed.gaps ?? [], graph, isPart: free.passedOver !== undefined };
  const { reason, ...between } = beginsAt(first, own, gaps, inputsOf);
  return {
    ...compared,
    ...between,
    verdict: 'diverged',
    stages,
    faults,
    inputsOf,
    first: { order, step, layer, stage, token, cause, where },
    reason: [reason, others(faults, stages), ...passedOverText(free.passedOver ?? []), ...aloneText(free.alone)].join(
      ' ',
    ),
  };
}

/** The stages that are wrong by themselves; those of one layer and name are one. */
function faultsOf(wrong: readonly StageResult[]): LimitedFault[] {
  const faults = new Map<string, LimitedFault & { steps: number[] }>();
  for (const stage of wrong) {
    const key = placeKey(stage);
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

/** Where the first fault is. */
function beginsAt(
  first: Fault,
  own: ReadonlyMap<string, StageResult>,
  gaps: Gaps,
  inputsOf: 'reference' | 'candidate',
): Beginning {
  const even = inputsOf === 'reference' ? "the reference's own inputs" : 'the inputs that it had';
  return beginning(own.get(stageKey(first)) as StageResult, [...own.values()], gaps, `, even with ${even}`);
}

/** What else has a fault, and what inherits. */
function others(faults: readonly Fault[], stages: readonly StageResult[]): string {
  const inheriting = stages.filter(({ inherits }) => inherits).length;
  const count =
    faults.length === 1 ? 'No other stage has a fault of its own' : `${faults.length} stages have a fault of their own`;
  return `${count}${inheriting === 0 ? '' : `; the other ${inheriting} that diverged inherit it`}.`;
}

function unexplained(free: Comparison, inputsOf: string): Pick<Comparison, 'reason'> | undefined {
  if (free.verdict !== 'diverged') return undefined;
  return {
    reason: `${free.reason.replace(/\.$/, '')}. From the ${inputsOf}'s own inputs no stage is wrong: the error builds up, or comes from what is not captured.`,
  };
}
