import { type Graph, type GraphStage, lookUp } from '@llama-probe/dump/stage';
import { CHECKS, type CheckName } from './broken.js';

/** Hold of every architecture that is not an exception. */
const SOFTMAX = ['finite', 'cache', 'softmax-range', 'softmax-sum', 'softmax-mask'] as const satisfies CheckName[];
/** Attention takes Q, K and V as they are projected: not normalised or clipped in between. */
const PROJECTED = [...SOFTMAX, 'rope-norm', 'rope-identity', 'first-value'] as const satisfies CheckName[];
/** Some of the attention goes to a sink that is no position. */
const SINKS = ['finite', 'cache', 'softmax-range', 'softmax-mask'] as const satisfies CheckName[];
/** Tokens see those after them. */
const NOT_CAUSAL = ['finite', 'softmax-range', 'softmax-sum'] as const satisfies CheckName[];

/** What holds in an architecture, by llama.cpp's name. The reasons are in its src/models. */
const ARCHITECTURES: Readonly<Record<string, readonly CheckName[]>> = {
  llama: CHECKS,
  exaone: PROJECTED,
  gemma: PROJECTED,
  gemma2: PROJECTED,
  internlm2: PROJECTED,
  mistral3: PROJECTED,
  phi3: PROJECTED,
  qwen2: PROJECTED,
  qwen2moe: PROJECTED,
  seed_oss: PROJECTED,
  smollm3: PROJECTED,
  starcoder2: PROJECTED,
  deepseek4: SINKS,
  'gpt-oss': SINKS,
  granite_swa: SINKS,
  hy_v4: SINKS,
  mimo2: SINKS,
  bert: NOT_CAUSAL,
  dream: NOT_CAUSAL,
  eurobert: NOT_CAUSAL,
  'gemma-embedding': NOT_CAUSAL,
  'jina-bert-v2': NOT_CAUSAL,
  'jina-bert-v3': NOT_CAUSAL,
  llada: NOT_CAUSAL,
  'llada-moe': NOT_CAUSAL,
  'llama-embed': NOT_CAUSAL,
  'modern-bert': NOT_CAUSAL,
  'neo-bert': NOT_CAUSAL,
  'nomic-bert': NOT_CAUSAL,
  'nomic-bert-moe': NOT_CAUSAL,
  rnd1: NOT_CAUSAL,
  t5: NOT_CAUSAL,
  t5encoder: NOT_CAUSAL,
};

/** What holds in an architecture; one that the dump does not name is taken for a Llama. */
export function holdsIn(architecture: string | undefined): ReadonlySet<CheckName> {
  return new Set(architecture === undefined ? CHECKS : (lookUp(ARCHITECTURES, architecture) ?? SOFTMAX));
}

/**
 * What holds of a model by its own graph. A check of a stage and what it is made of is made where the stage is that operation on its inputs and
 * nothing else, whatever the architecture is called.
 *
 * @param graph one that was read from the model
 */
export function holdsBy(graph: Graph): ReadonlySet<CheckName> {
  const of = (op: string) => graph.stages.filter((stage) => stage.op === op);
  const softMaxes = of('SOFT_MAX').filter(({ row }) => row === 'scores');
  const isCausal = softMaxes.every(({ mask }) => mask !== 'other');
  const hasSinks = softMaxes.some(({ weights }) => weights !== undefined);
  const { stages } = graph.within(({ stage }) => stage !== 'kqv');
  const each = (name: string, is: (stage: GraphStage) => boolean) => {
    const all = stages.filter(({ stage }) => stage === name);
    return all.length > 0 && all.every(is);
  };
  const names = ({ inputs }: GraphStage) =>
    inputs
      .map(({ stage }) => stage)
      .sort()
      .join();
  const isProduct = ({ through = [] }: GraphStage) => through.every((op) => op === 'MUL_MAT');
  const takesValues =
    isCausal && !hasSinks && each('kqv_out', (stage) => names(stage) === 'kq_soft_max,v_proj' && isProduct(stage));
  const givesThemOut = takesValues && each('attn_out', (stage) => names(stage) === 'kqv_out' && isProduct(stage));
  return new Set<CheckName>([
    'finite',
    'softmax-range',
    ...(isCausal ? (['cache', 'softmax-mask'] as const) : []),
    ...(hasSinks ? [] : (['softmax-sum'] as const)),
    ...(of('ROPE').some(isRotation) ? (['rope-norm', 'rope-identity'] as const) : []),
    ...(takesValues ? (['first-value'] as const) : []),
    ...(givesThemOut ? (['attention-first'] as const) : []),
    ...(of('ADD').some(isSum) ? (['residual'] as const) : []),
  ]);
}

/** Whether a stage is its input, rotated. */
export const isRotation = ({ op, inputs, through }: GraphStage): boolean =>
  op === 'ROPE' && inputs.length === 1 && !through;

/** Whether a stage is the sum of its two inputs. */
export const isSum = ({ op, inputs, through, weights }: GraphStage): boolean =>
  op === 'ADD' && inputs.length === 2 && !through && !weights;

/** Only here is it known which values a rotation turns with each other: llama.cpp permutes Q and K of `llama` when it converts. */
export const rotatesAdjacentPairs = (architecture: string | undefined): boolean => architecture === 'llama';

/** Whether `kq` is hidden only above the diagonal; others may have a window, or see everything. */
export const hidesOnlyTheFuture = (architecture: string | undefined): boolean =>
  architecture === undefined || architecture === 'llama';
