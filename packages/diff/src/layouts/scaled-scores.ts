import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import type { StageResult } from '../comparison.js';
import { attentionScales } from './attention-scale.js';
import type { Layout } from './layout.js';

const SCORES = 'kq';

/** Both sides' scales come from fits; 16 bits of each value move them by less. */
const SAME = 0.02;

/**
 * Whether the candidate's scores have the scale of attention in them, and its softmax applies none (as PyTorch's attention has it, where ggml scales
 * within the softmax), or the other way round.
 *
 * Told from each run's own rows, whatever else is wrong with them: kq beside ⟨q, k⟩, and the logarithms of the softmax beside kq. It is a way to
 * write them where the two scales of a layer make the reference's in most layers: a scale that is applied twice or never does not.
 */
export async function scaledScores(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  stages: readonly StageResult[],
  graph: Graph,
): Promise<Layout | undefined> {
  if (!stages.some(({ stage, verdict }) => stage === SCORES && verdict === 'diverged')) return undefined;
  const own = await attentionScales(candidate, graph);
  if (own.size === 0) return undefined;
  const wanted = await attentionScales(reference, graph);
  const both = [...own].flatMap(([layer, scale]) => {
    const other = wanted.get(layer);
    return other
      ? [{ factor: other.before / scale.before, total: (scale.before * scale.within) / (other.before * other.within) }]
      : [];
  });
  const once = both.filter(({ total }) => isOne(total)).map(({ factor }) => factor);
  const [fitted] = once;
  if (fitted === undefined || isOne(fitted) || once.length * 2 <= both.length) return undefined;
  if (once.some((other) => !isOne(other / fitted))) return undefined;
  const factor = rootNear(fitted);
  return {
    text: `kq is ${scaleText(1 / factor)} the reference's, and its softmax makes up for it: the scale of the scores is applied in another place, which is no difference; undone`,
    undo: (tensor) =>
      tensor.stage === SCORES ? { ...tensor, values: tensor.values.map((value) => value * factor) } : tensor,
  };
}

const isOne = (ratio: number): boolean => Math.abs(ratio - 1) < SAME;

/** √n or 1/√n where a fit is as good as that, as it is for any width of a head. */
function rootNear(scale: number): number {
  const root = Math.sqrt(Math.round(Math.max(scale, 1 / scale) ** 2));
  const near = scale < 1 ? 1 / root : root;
  return Math.abs(near / scale - 1) < 1e-3 ? near : scale;
}

/** @example scaleText(0.3535534) // '1/√8 of' */
function scaleText(scale: number): string {
  const square = Math.max(scale, 1 / scale) ** 2;
  if (Math.abs(square - Math.round(square)) > 1e-9 * square) return `${scale.toPrecision(4)} times`;
  return scale < 1 ? `1/√${Math.round(square)} of` : `√${Math.round(square)} times`;
}
