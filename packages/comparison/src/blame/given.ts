import { type Comparison, comparedIn, firstPositions } from '@llama-probe/diff';
import { type Graph, stageKey, type Tensor } from '@llama-probe/dump';
import type { RunPlan, Side } from '../side.js';

/** A recorded run that another can go on from. */
interface GoOn {
  /** Its tokens, and how many of them it took at once. */
  readonly run: Pick<RunPlan, 'tokens' | 'steps' | 'forcedTokens' | 'ubatch'>;
  /** In evaluation order, of the shapes that the other has. May be read again. */
  tensors(): AsyncIterable<Tensor>;
}

/**
 * The rows of a recorded run as llama.cpp can go on from them: those that could be compared, pass by pass.
 *
 * @returns undefined where its prompt was cut into pieces that nobody would evaluate one after the other
 */
export async function rowsToGoOnFrom(candidate: Side, comparison: Comparison, graph: Graph): Promise<GoOn | undefined> {
  const { recorded } = candidate;
  if (!recorded) return undefined;
  const length = await recorded.promptLength();
  const widths = new Map<string, number>();
  for (const stage of comparedIn(comparison)) {
    if (stage.verdict !== 'incomparable') widths.set(stageKey(stage), stage.shape[1]);
  }
  const usable = async function* (): AsyncGenerator<Tensor> {
    for await (const tensor of candidate.run({ tokens: recorded.tokens }).tensors) {
      const width = widths.get(stageKey(tensor));
      const fitting = width === undefined ? undefined : fitted(tensor, width, graph);
      if (fitting) yield fitting;
    }
  };
  const cut = await cutOf(usable(), length);
  if (!cut) return undefined;
  const [tokens, forcedTokens] = [recorded.tokens.slice(0, length), recorded.tokens.slice(length)];
  return {
    run: { tokens, steps: forcedTokens.length, forcedTokens, ubatch: cut.ubatch },
    tensors: cut.isInOrder ? usable : () => inOrder(usable()),
  };
}

/** The tensor with as many positions as the pass has seen, where it is of scores; undefined where its shape is another one. */
function fitted(tensor: Tensor, width: number, graph: Graph): Tensor | undefined {
  if (!graph.isScores(tensor.stage)) return tensor.width === width ? tensor : undefined;
  const heads = graph.headsOf(tensor.stage);
  if (heads === undefined || tensor.width % heads !== 0) return undefined;
  const seen = last(tensor) + 1;
  if (tensor.width === heads * seen) return tensor;
  if (tensor.width < heads * seen) return undefined;
  const values = new Float32Array(tensor.positions.length * heads * seen);
  for (let row = 0; row < tensor.positions.length; row++) {
    const cut = firstPositions(tensor.values.subarray(row * tensor.width, (row + 1) * tensor.width), heads, seen);
    if (!cut) return undefined;
    values.set(cut, row * heads * seen);
  }
  return { ...tensor, width: heads * seen, values };
}

/** How the prompt was cut into passes, and whether the tensors come pass by pass in the order in which they say that they were evaluated. */
async function cutOf(
  tensors: AsyncIterable<Tensor>,
  length: number,
): Promise<{ readonly ubatch: number; readonly isInOrder: boolean } | undefined> {
  const pieces = new Map<string, readonly [number, number]>();
  let isInOrder = true;
  let before: Tensor | undefined;
  for await (const tensor of tensors) {
    const piece = [tensor.positions[0] ?? 0, last(tensor) + 1] as const;
    if (tensor.step === 0) pieces.set(piece.join(), piece);
    isInOrder &&= before === undefined || byPass(before, tensor) <= 0;
    before = { ...tensor, values: NO_VALUES };
  }
  const ubatch = [...pieces.values()].reduce((least, [, end]) => Math.min(least, end), length);
  const isEven = [...pieces.values()].every(([begin, end]) => {
    const pass = Math.ceil(end / ubatch) - 1;
    return begin >= pass * ubatch && end === Math.min((pass + 1) * ubatch, length);
  });
  return isEven ? { ubatch, isInOrder } : undefined;
}

const NO_VALUES = new Float32Array();

/** All at once: a file that does not have them in order is read whole. */
async function* inOrder(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
  const all: Tensor[] = [];
  for await (const tensor of tensors) all.push({ ...tensor, values: tensor.values.slice() });
  yield* all.sort(byPass);
}

const last = ({ positions }: Tensor): number => positions.at(-1) ?? 0;
const byPass = (a: Tensor, b: Tensor): number => last(a) - last(b) || a.order - b.order;
