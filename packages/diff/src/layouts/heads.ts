import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import { align } from '../align.js';
import type { StageResult } from '../comparison.js';
import type { Layout } from './layout.js';

/** How the heads of one stage are written. */
interface Written {
  readonly as: 'copies' | 'padded';
  /** Values of a head, as the reference has them. */
  readonly dim: number;
  /** What the candidate has in their place: copies of a head one after the other, or a head and zeros. */
  readonly room: number;
}

/**
 * Whether rows are wider than the reference's by what says nothing: each KV head written once for every query head that reads it (as PyTorch's
 * `repeat_interleave` does before the scores), or each head filled up with zeros.
 *
 * Only where it is so in every row of the stage: one copy that differs would be a bug that undoing hides.
 */
export async function headsAsWritten(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  stages: readonly StageResult[],
  graph: Graph,
): Promise<Layout[]> {
  if (!stages.some(({ verdict }) => verdict === 'incomparable')) return [];
  const written = new Map<string, Written | undefined>(); // undefined: the stage is wider for another reason
  for await (const { candidate: own, reference: other } of align(candidate, reference)) {
    if (!own || !other || own.width <= other.width || graph.isScores(own.stage)) continue;
    const { stage } = own;
    const known = written.get(stage);
    const isFirst = !written.has(stage);
    const here = [
      known ?? (isFirst ? copies(own, other, graph) : undefined),
      isFirst ? padded(own, other, graph) : undefined,
    ];
    written.set(
      stage,
      here.find((one) => one && holds(own, one)),
    );
  }
  const named = (as: Written['as']) => [...written].flatMap(([stage, one]) => (one?.as === as ? [stage] : []));
  const undo = (names: readonly string[]) => (tensor: Tensor) => {
    const one = written.get(tensor.stage);
    return one && names.includes(tensor.stage) && tensor.width % one.room === 0 ? narrowed(tensor, one) : tensor;
  };
  const [repeated, filled] = [named('copies'), named('padded')];
  return [
    ...(repeated.length > 0
      ? [
          {
            text: `${repeated.join(', ')}: each KV head is there once for every query head that reads it; one of each is compared`,
            undo: undo(repeated),
          },
        ]
      : []),
    ...(filled.length > 0
      ? [{ text: `${filled.join(', ')}: each head is filled up with zeros, which are left out`, undo: undo(filled) }]
      : []),
  ];
}

const headsOf = ({ stage }: Tensor, graph: Graph): number | undefined =>
  graph.headsOf(stage) ?? (stage === 'kqv_out' ? graph.headsOf('kqv') : undefined);

function copies(own: Tensor, other: Tensor, graph: Graph): Written | undefined {
  const heads = headsOf(own, graph);
  if (!heads || other.width % heads !== 0 || own.width % other.width !== 0) return undefined;
  const dim = other.width / heads;
  return { as: 'copies', dim, room: (own.width / other.width) * dim };
}

function padded(own: Tensor, other: Tensor, graph: Graph): Written | undefined {
  const heads = headsOf(own, graph);
  if (!heads || other.width % heads !== 0 || own.width % heads !== 0) return undefined;
  return { as: 'padded', dim: other.width / heads, room: own.width / heads };
}

/** Whether there is nothing in the rows but that. */
function holds({ values }: Tensor, { as, dim, room }: Written): boolean {
  return values.every((value, i) => {
    const at = i % room;
    if (at < dim) return true;
    return as === 'padded' ? value === 0 : Object.is(value, values[i - at + (at % dim)]);
  });
}

function narrowed(tensor: Tensor, { dim, room }: Written): Tensor {
  const heads = tensor.values.length / room;
  const values = new Float32Array(heads * dim);
  for (let head = 0; head < heads; head++)
    values.set(tensor.values.subarray(head * room, head * room + dim), head * dim);
  return { ...tensor, width: (tensor.width / room) * dim, values };
}
