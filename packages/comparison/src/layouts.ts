import { type AboutModel, type Comparison, expertsInOrder, graphOf, halfSplit, type Layout } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { Plan } from './plan.js';
import type { Side } from './side.js';

/**
 * The candidate with its rows as the reference writes them, where the first thing that differs is how they are written and nothing else.
 *
 * @param found of the candidate as it is
 * @returns undefined where no layout explains it
 */
export async function withoutLayouts(
  candidate: Side,
  reference: Side,
  plan: Plan,
  { verdict, stages }: Comparison,
  about: AboutModel,
): Promise<Side | undefined> {
  if (!candidate.recorded || candidate.isExcerpt || verdict !== 'diverged') return undefined;
  const both = () => [begun(candidate, plan), begun(reference, plan)] as const;
  const layouts = [
    await halfSplit(...both(), stages, graphOf(about, stages)),
    await expertsInOrder(...both(), stages),
  ].filter((layout) => layout !== undefined);
  return layouts.length === 0 ? undefined : undone(candidate, layouts);
}

/** Run when it is first looked at: one that nobody reads to its end would keep the next one waiting. */
async function* begun(side: Side, plan: Plan): AsyncGenerator<Tensor> {
  yield* side.run(plan.run).tensors;
}

/** The side with these layouts undone, which it says. */
function undone(side: Side, layouts: readonly Layout[]): Side {
  const undo = async function* (tensors: AsyncIterable<Tensor>) {
    for await (const tensor of tensors) yield layouts.reduce((rows, layout) => layout.undo(rows), tensor);
  };
  return {
    ...side,
    get about() {
      return { ...side.about, notes: [...(side.about.notes ?? []), ...layouts.map(({ text }) => text)] };
    },
    run(plan) {
      const { tensors, result } = side.run(plan);
      return { tensors: undo(tensors), result };
    },
  };
}
