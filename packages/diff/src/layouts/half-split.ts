import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import { align } from '../align.js';
import type { StageResult } from '../comparison.js';
import { MetricSums, rowOf } from '../metrics.js';
import { inHalves } from './halves.js';
import type { Layout } from './layout.js';

/** Before and after the rotation. */
const PROJECTED = ['q_proj', 'k_proj'] as const;
const ROTATED = { q_proj: 'q_rope', k_proj: 'k_rope' } as const;
const NAMES: ReadonlySet<string> = new Set([...PROJECTED, ...Object.values(ROTATED)]);

/** Undoing an order takes away nearly all of the difference that it makes; what is left is judged as any other. */
const EXPLAINED = 50;

/** How much better one pairing must keep the norms of its pairs than the other: right ones keep them to 1e-6, wrong ones to 0.3. */
const CLEAR = 10;

/**
 * Whether the candidate has the heads of Q and K as Hugging Face has them, value j beside value j + d/2, where the reference has the values of a
 * pair side by side: the conversion to GGUF reorders the rows of these weights for architecture llama
 * (`permute` of llama.cpp's convert_hf_to_gguf.py).
 *
 * It is an order where both Q and K are right once it is undone and the candidate's own rotation turns the pairs of that order. Where its rotation
 * turns neighbours instead, the weights were permuted once too often: that is a bug, and stays one.
 *
 * @param stages of the comparison as it was; the first layer decides, since nothing before it is wrong
 */
export async function halfSplit(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  stages: readonly StageResult[],
  graph: Graph,
): Promise<Layout | undefined> {
  const wrong = stages.filter(({ stage, verdict }) => NAMES.has(stage) && verdict === 'diverged');
  if (wrong.length === 0) return undefined;
  const layer = Math.min(...wrong.map((one) => one.layer ?? 0));
  const before = new Map(
    stages.filter((one) => NAMES.has(one.stage) && one.layer === layer).map((one) => [one.stage, one.rel]),
  );
  const rightAsItIs = new Set(
    stages.filter((one) => one.layer === layer && one.verdict === 'agree').map(({ stage }) => stage),
  );
  const sums = new Map<string, MetricSums>();
  const own = new Map<string, Tensor>(); // the candidate's first piece of each
  const undo = (tensor: Tensor) => undone(tensor, graph);
  for await (const pair of align(only(candidate, layer), only(reference, layer))) {
    if (!pair.candidate || !pair.reference || pair.candidate.width !== pair.reference.width) continue;
    const { stage } = pair.candidate;
    const known = own.get(stage);
    if (!known || known.positions.length < pair.candidate.positions.length) own.set(stage, pair.candidate);
    const rows = undo(pair.candidate);
    if (!rows) return undefined;
    const sum = sums.get(stage) ?? new MetricSums();
    sums.set(stage, sum);
    for (const [row, token] of pair.reference.positions.entries())
      sum.add(rowOf(rows, row), rowOf(pair.reference, row), token);
  }
  const isOrdered = (stage: string) => {
    const after = sums.get(stage)?.metrics().rel;
    return after !== undefined && after * EXPLAINED <= (before.get(stage) ?? 0);
  };
  const isRight = (stage: string) => rightAsItIs.has(stage);
  const there = (names: readonly string[]) => names.filter((stage) => sums.has(stage));
  const [projected, rotated] = [there(PROJECTED), there(Object.values(ROTATED))];
  const areOrdered = (names: readonly string[]) => names.length === 2 && names.every(isOrdered);
  let names: readonly string[];
  if (areOrdered(projected)) {
    const turned = PROJECTED.map((stage) => {
      const [from, to] = [own.get(stage), own.get(ROTATED[stage])];
      return from && to && pairing(from, to, graph);
    });
    const isAlone = rotated.length > 0 && rotated.every(isRight);
    if (!isAlone && turned.includes('neighbours')) return undefined;
    names = isAlone ? PROJECTED : [...NAMES];
  } else if (areOrdered(rotated) && projected.every(isRight)) {
    names = Object.values(ROTATED);
  } else {
    return undefined;
  }
  const seen =
    rotated.length === 0 ? '; its rotation is to turn those pairs, and what follows tells whether it does' : '';
  return {
    text: `${names.filter((name) => sums.has(name)).join(', ')} are in half-split order, as Hugging Face has them (value j of a head beside value j + d/2${seen}): undone`,
    ...(names.length === NAMES.size ? { pairs: 'halves' } : {}),
    halfSplit: new Set(names),
    undo: (tensor) => (names.includes(tensor.stage) ? (undo(tensor) ?? tensor) : tensor),
  };
}

async function* only(tensors: AsyncIterable<Tensor>, layer: number): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) if (tensor.layer === layer && NAMES.has(tensor.stage)) yield tensor;
}

/** Halves of each head → neighbours; undefined where the heads are not known. */
function undone(tensor: Tensor, graph: Graph): Tensor | undefined {
  const dim = headDim(tensor, graph);
  if (!dim) return undefined;
  const values = new Float32Array(tensor.values.length);
  for (let head = 0; head < values.length; head += dim) {
    for (let i = 0; i < dim; i++) values[head + i] = tensor.values[head + inHalves(i, dim)] as number;
  }
  return { ...tensor, values };
}

function headDim({ stage, width }: Tensor, graph: Graph): number | undefined {
  const heads = graph.headsOf(stage);
  if (heads === undefined || width % (2 * heads) !== 0) return undefined;
  return width / heads;
}

/** Which pairs a rotation turns: those whose norm it keeps, up to one factor. undefined where that does not tell, as at position 0. */
function pairing(from: Tensor, to: Tensor, graph: Graph): 'halves' | 'neighbours' | undefined {
  const dim = headDim(from, graph);
  if (!dim || from.values.length !== to.values.length) return undefined;
  const turned = from.positions.findIndex((position) => position > 0);
  if (turned < 0) return undefined;
  const begin = turned * from.width;
  const residue = (at: (head: number, j: number) => readonly [number, number]) => {
    let [dot, a2, b2] = [0, 0, 0];
    for (let head = begin; head < from.values.length; head += dim) {
      for (let j = 0; j < dim / 2; j++) {
        const [x, y] = at(head, j);
        const a = Math.hypot(from.values[x] as number, from.values[y] as number);
        const b = Math.hypot(to.values[x] as number, to.values[y] as number);
        dot += a * b;
        a2 += a * a;
        b2 += b * b;
      }
    }
    return Math.sqrt(Math.max(0, 1 - (dot * dot) / (a2 * b2)));
  };
  const halves = residue((head, j) => [head + j, head + j + dim / 2]);
  const neighbours = residue((head, j) => [head + 2 * j, head + 2 * j + 1]);
  if (halves * CLEAR < neighbours) return 'halves';
  return neighbours * CLEAR < halves ? 'neighbours' : undefined;
}
