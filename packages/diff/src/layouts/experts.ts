import type { Tensor } from '@llama-probe/dump';
import { placeKey, type StageId, stageKey } from '@llama-probe/dump/stage';
import type { StageResult } from '../comparison.js';
import { rowOf } from '../metrics.js';
import type { Layout } from './layout.js';

const CHOSEN = 'ffn_moe_topk';

/** What they are chosen by, the last one that there is. */
const CHOSEN_BY: readonly string[] = ['ffn_moe_probs', 'ffn_moe_probs_biased'];

/** What has a part for each chosen expert, one after the other: a name that only llama.cpp has, such as argsort, is of all experts. */
const PARTS: ReadonlySet<string> = new Set([
  CHOSEN,
  'ffn_moe_weights',
  'ffn_moe_weights_norm',
  'ffn_moe_weights_softmax',
  'ffn_moe_weights_scaled',
  'ffn_moe_up',
  'ffn_moe_up_biased',
  'ffn_moe_gate',
  'ffn_moe_gate_biased',
  'ffn_moe_swiglu',
  'ffn_moe_swiglu_oai',
  'ffn_moe_geglu',
  'ffn_moe_gate_par',
  'ffn_moe_down',
  'ffn_moe_down_biased',
  'ffn_moe_weighted',
]);

/**
 * Whether the candidate chose the same experts and has them in another order: they are a set, and their sum does not depend on it.
 *
 * Where it chose another expert anywhere, that token is left as it is, and the choice is what differs. So is one where what they are chosen by differs,
 * and it has them by its own: that is no way to write them, and its own order is what a right choice makes of them.
 */
export async function expertsInOrder(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  stages: readonly StageResult[],
): Promise<Layout | undefined> {
  if (!stages.some(({ stage, verdict }) => stage === CHOSEN && verdict === 'diverged')) return undefined;
  const wanted = await chosen(reference);
  const differs = new Set(
    stages
      .filter(({ stage, verdict }) => CHOSEN_BY.includes(stage) && verdict === 'diverged')
      .map(({ step, layer }) => stageKey({ step, layer, stage: CHOSEN })),
  );
  const orders = new Map<string, readonly number[]>(); // of a token: which of the candidate's parts comes first, …
  for (const [key, { at, experts, isSorted }] of await chosen(candidate)) {
    if (isSorted && differs.has(at)) continue;
    const order = wanted.get(key)?.experts.map((expert) => experts.indexOf(expert));
    if (order && order.length === experts.length && new Set(order).size === order.length && !order.includes(-1)) {
      if (order.some((from, to) => from !== to)) orders.set(key, order);
    }
  }
  if (orders.size === 0) return undefined;
  return {
    text: "the chosen experts are in another order than the reference's, which is no difference: put into its order",
    undo: (tensor) => (PARTS.has(tensor.stage) ? reordered(tensor, orders) : tensor),
  };
}

interface Choice {
  /** The key of its stage. */
  readonly at: string;
  readonly experts: readonly number[];
  /** Whether the one that has most of what they are chosen by comes first, and so on; not where the run does not have that. */
  readonly isSorted: boolean;
}

/** The experts of each token of each layer. */
async function chosen(tensors: AsyncIterable<Tensor>): Promise<ReadonlyMap<string, Choice>> {
  const found = new Map<string, Choice>();
  let by: Tensor | undefined;
  for await (const tensor of tensors) {
    if (CHOSEN_BY.includes(tensor.stage)) by = tensor;
    if (tensor.stage !== CHOSEN) continue;
    const at = stageKey(tensor);
    const own = by?.step === tensor.step && by.layer === tensor.layer ? by : undefined;
    for (const [row, position] of tensor.positions.entries()) {
      const experts = [...rowOf(tensor, row)];
      const from = own?.positions.indexOf(position) ?? -1;
      const values = own && from >= 0 ? rowOf(own, from) : undefined;
      const isSorted = values !== undefined && isDescending(experts.map((expert) => values[expert] ?? Number.NaN));
      found.set(tokenKey(tensor, position), { at, experts, isSorted });
    }
  }
  return found;
}

/** What is no number is in no other order either. */
const isDescending = (values: readonly number[]): boolean =>
  !values.some((value, i) => i > 0 && value > (values[i - 1] as number));

function reordered(tensor: Tensor, orders: ReadonlyMap<string, readonly number[]>): Tensor {
  const { width, positions } = tensor;
  const values = tensor.values.slice();
  for (const [row, position] of positions.entries()) {
    const order = orders.get(tokenKey(tensor, position));
    if (!order || width % order.length !== 0) continue;
    const part = width / order.length;
    for (const [to, from] of order.entries()) {
      const begin = row * width + from * part;
      values.set(tensor.values.subarray(begin, begin + part), row * width + to * part);
    }
  }
  return { ...tensor, values };
}

const tokenKey = ({ step, layer }: StageId, position: number): string =>
  `${step}/${placeKey({ layer, stage: CHOSEN })}/${position}`;
