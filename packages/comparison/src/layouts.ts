import {
  type AboutModel,
  type Comparison,
  comparedIn,
  expertsInOrder,
  graphOf,
  halfSplit,
  headsAsWritten,
  type Layout,
  positionsFromOne,
  scaledScores,
} from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { Plan } from './plan.js';
import type { Side } from './side.js';

/**
 * The candidate with its rows as the reference writes them, where what differs is how they are written and nothing else. What was found may
 * show more, which is looked for in another comparison.
 *
 * @param found of the candidate as it is
 * @returns undefined where no layout explains it
 */
export async function withoutLayouts(
  candidate: Side,
  reference: Side,
  plan: Plan,
  found: Comparison,
  about: AboutModel,
): Promise<Side | undefined> {
  const stages = comparedIn(found);
  const isRight = found.verdict === 'agree' && stages.every(({ verdict }) => verdict === 'agree');
  if (!candidate.recorded || candidate.isExcerpt || isRight) return undefined;
  const graph = graphOf(about, stages);
  const both = () => [begun(candidate, plan), begun(reference, plan)] as const;
  const place = await positionsFromOne(...both());
  const layouts = place ? [place] : [...(await headsAsWritten(...both(), stages, graph))];
  // Order and scale are told by values, which rows of other positions or widths do not have.
  if (layouts.length === 0) {
    const others = [
      await halfSplit(...both(), stages, graph),
      await expertsInOrder(...both(), stages),
      await scaledScores(...both(), stages, graph),
    ];
    layouts.push(...others.filter((layout) => layout !== undefined));
  }
  const before = candidate.about.notes ?? []; // what was found once, and is found again, was not undone by it
  const fresh = layouts.filter(({ text }) => !before.includes(text));
  return fresh.length === 0 ? undefined : undone(candidate, fresh);
}

/** Run when it is first looked at: one that nobody reads to its end would keep the next one waiting. */
async function* begun(side: Side, plan: Plan): AsyncGenerator<Tensor> {
  yield* side.run(plan.run).tensors;
}

/** The side with these layouts undone, which it says. */
function undone(side: Side, layouts: readonly Layout[]): Side {
  const halfSplit = layouts.find((layout) => layout.halfSplit)?.halfSplit;
  const undo = async function* (tensors: AsyncIterable<Tensor>) {
    for await (const tensor of tensors) yield layouts.reduce((rows, layout) => layout.undo(rows), tensor);
  };
  return {
    ...side,
    ...(layouts.some(({ pairs }) => pairs) ? { pairs: 'halves' } : {}),
    ...(halfSplit ? { halfSplit } : {}),
    get about() {
      return { ...side.about, notes: [...(side.about.notes ?? []), ...layouts.map(({ text }) => text)] };
    },
    run(plan) {
      const { tensors, result } = side.run(plan);
      return { tensors: undo(tensors), result };
    },
  };
}
