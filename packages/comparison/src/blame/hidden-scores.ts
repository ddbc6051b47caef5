import { type Comparison, comparedIn } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Graph, stageKey } from '@llama-probe/dump/stage';

/**
 * A recorded run without the scores of which its mask hides too much: what is under such a mask nobody can go on from, so whoever goes on
 * computes them from Q and K. Their own fault they keep, for they are compared all the same. What the reference hides too, by a window, is not too much.
 *
 * @param found of the candidate and the reference as they are
 * @example judge.run({ ...run, from: withoutHiddenScores(rows, graph, comparison) })
 */
export async function* withoutHiddenScores(
  tensors: AsyncIterable<Tensor>,
  graph: Graph,
  comparison: Pick<Comparison, 'stages' | 'aside'>,
): AsyncGenerator<Tensor> {
  // Where both have NaN nothing is counted.
  const more = new Set(
    comparedIn(comparison)
      .filter(({ nan, inf }) => nan.candidate + inf.candidate > 0)
      .map(stageKey),
  );
  for await (const tensor of tensors) if (!more.has(stageKey(tensor)) || !hidesTooMuch(tensor, graph)) yield tensor;
}

/** Whether a score of a position that its row may see is what hides one. */
function hidesTooMuch(tensor: Tensor, graph: Graph): boolean {
  const { stage, positions, width, values } = tensor;
  const heads = graph.headsOf(stage);
  if (!graph.isScores(stage) || graph.at(tensor)?.op === 'SOFT_MAX' || heads === undefined) return false;
  const nKv = width / heads;
  const isSeen = (i: number) => i % nKv <= (positions[Math.floor(i / width)] ?? 0);
  return values.some((score, i) => (Number.isNaN(score) || score === Number.NEGATIVE_INFINITY) && isSeen(i));
}
