import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, type StageCase } from '../case.js';
import type { Variation } from '../variation.js';
import { factorOf, factorOn, hasSoftCap } from './left-out.js';

const SOFT_MAX = ['kq_soft_max'] as const;
/** The scale of the scores at this stage: the softmax's, or that of Q; undefined where it has none, or another stage has it. */
function scaleAt(c: StageCase): number | undefined {
  if (operationOf(c).op === 'scores') return factorOn(c, 'q_rope');
  const { attentionScale } = c.model.config;
  return attentionScale === 1 ? undefined : attentionScale; // 1: Q is scaled already
}

/** Another scale in its place. */
const scaledBy = (c: StageCase, scale: number): Variation =>
  operationOf(c).op === 'scores' ? { step: { factor: scale, of: 'q_rope' } } : { softMax: { scale } };

/** The n of a scale that is 1 / √n. */
const dimensionOf = (scale: number): number => Math.round(scale ** -2);

const SEVERAL = 'more than one position: the softmax of one score is 1';

/** How scores become probabilities. */
export const SOFT_MAX_BUGS: readonly Bug[] = [
  bug({
    id: 'attention-scale-missing',
    title: '1 / √head_dim is not applied, or is applied twice',
    stages: ['kq_soft_max', 'kq'],
    changes: 'Scores go into the softmax as they are (too sharp), or are scaled where they already were (too flat).',
    look: 'Where the scale is applied: once, to q, to the scores or in the softmax.',
    source: 'mlc-ai/mlc-llm#3426',
    needs: SEVERAL,
    isInOneStage: true,
    variants: (c) => {
      const { attentionScale: own, headDim } = c.model.config;
      if (operationOf(c).op === 'scores') return factorOf(c, (stage) => stage === 'q_rope');
      const others = own === 1 ? [1 / Math.sqrt(headDim)] : [1, own ** 2]; // 1: Q is scaled already
      return each('attention scale', others, (scale) => ({ softMax: { scale } }));
    },
  }),
  bug({
    id: 'attention-scale-dimension',
    title: 'The attention scale comes from another dimension',
    stages: ['kq_soft_max', 'kq'],
    changes: 'Scores are multiplied by 1 / √n for an n that is not head_dim.',
    look: 'The number under the root: head_dim of one head (or query_pre_attn_scalar), not n_embd, not the width of K, not half a head.',
    source: 'ggml-org/llama.cpp#8444',
    needs: SEVERAL,
    variants: (c) => {
      const { embeddingLength, headCount, headCountKv, headDim } = c.model.config;
      const scale = scaleAt(c);
      if (scale === undefined) return [];
      const ofHead = [headDim, headDim / 2, 2 * headDim]; // in latent attention the cache's rows are not as long as a head
      const sizes = [
        embeddingLength,
        embeddingLength / headCount,
        headCount * headDim,
        headCountKv * headDim,
        ...ofHead,
        headCount,
      ];
      const right = dimensionOf(scale);
      const others = [...new Set(sizes)].filter((n) => n >= 1 && n !== right);
      return each('n', others, (n) => scaledBy(c, 1 / Math.sqrt(n)));
    },
    search: {
      name: 'n of 1 / √n',
      scale: 'integer',
      range: (c) => [1, scaleAt(c) === undefined ? 1 : 4 * c.model.config.embeddingLength],
      right: (c) => dimensionOf(scaleAt(c) ?? 1),
      variation: (n, c) => (scaleAt(c) === undefined ? {} : scaledBy(c, 1 / Math.sqrt(n))),
    },
  }),
  bug({
    id: 'softmax-temperature',
    title: 'Attention is sharper or flatter by a factor',
    stages: SOFT_MAX,
    changes: 'Scaled scores are divided by a temperature: by another scale than 1 / √head_dim, in other words.',
    look: 'A temperature (it belongs to sampling, not to attention) or a scale that is multiplied into the scores.',
    source: "rustorch's notes",
    needs: SEVERAL,
    variants: () => each('temperature', [0.7, 0.8, 0.5, 1.5, 2], (temperature) => ({ softMax: { temperature } })),
    search: {
      name: 'temperature',
      scale: 'log',
      range: () => [1 / 32, 32],
      right: () => 1,
      variation: (temperature) => ({ softMax: { temperature } }),
    },
  }),
  bug({
    id: 'soft-cap',
    title: 'A soft-cap is applied that the model does not have',
    stages: ['kq_soft_max', 'result_output'],
    changes: 'Scores or logits go through cap · tanh(x / cap).',
    look: 'attn_logit_softcapping and final_logit_softcapping: read from the file, and absent for this architecture.',
    source: 'ml-explore/mlx-examples#857',
    needs: 'scores or logits that are not small against the cap',
    variants: (c) =>
      each('cap', hasSoftCap(c) ? [] : [50, 30, 20], (cap) => ({
        [cappedGroup(c)]: { softCap: { cap } },
      })),
    search: {
      name: 'logit_softcapping',
      scale: 'log',
      range: () => [0.1, 1000],
      right: () => Number.POSITIVE_INFINITY,
      variation: (cap, c) => ({ [cappedGroup(c)]: { softCap: { cap } } }),
    },
  }),
  bug({
    id: 'soft-cap-formula',
    title: 'A soft-cap with a wrong formula',
    stages: ['kq_soft_max', 'result_output'],
    changes: 'One of the two divisions or multiplications by the cap is missing, or values are cut off at the cap.',
    look: 'The soft-cap: cap · tanh(x / cap); and whether this model has one at all.',
    source: 'unslothai/unsloth-zoo#593',
    variants: (c) =>
      [50, 30].flatMap((cap) =>
        (['tanh-alone', 'undivided', 'divided-twice', 'clamped'] as const).map((form) => ({
          variation: { [cappedGroup(c)]: { softCap: { cap, form } } },
          parameters: { cap, form },
        })),
      ),
  }),
  bug({
    id: 'softmax-maximum',
    title: 'The maximum is not subtracted before the exponential',
    stages: SOFT_MAX,
    changes: 'Powers overflow: Infinity / Infinity is NaN, from 89 on in f32, from 11.1 on in f16.',
    look: 'The softmax: e^(x − max), the maximum of what the row sees.',
    source: 'pytorch/executorch#18407',
    needs: 'scaled scores above 88.7 in f32, above 11.1 in f16',
    variants: () => each('precision', ['f16', 'f32', 'bf16'] as const, (noMaximum) => ({ softMax: { noMaximum } })),
  }),
  bug({
    id: 'softmax-not-divided',
    title: 'Powers are not divided by their sum',
    stages: SOFT_MAX,
    changes: 'The weights of a row are e^(x − max), and do not sum to 1.',
    look: 'The second pass of the softmax, or the last rescaling of an online softmax.',
    source: COMMON,
    needs: SEVERAL,
    variants: () => only({ softMax: { sum: 'missing' } }),
  }),
  bug({
    id: 'softmax-plus-one',
    title: '1 is added to the sum of the softmax',
    stages: SOFT_MAX,
    changes: 'Rows sum to less than 1, as with an attention sink.',
    look: 'The start value of the running sum: 0, and the first power is added to it once.',
    source: COMMON,
    variants: () => only({ softMax: { sum: 'plus-one' } }),
  }),
  bug({
    id: 'sinks-ignored',
    title: 'The attention sinks are left out',
    stages: SOFT_MAX,
    changes:
      'Powers are divided by their own sum alone, so that rows sum to 1; the sink of each head takes its share of it.',
    look: 'Whether attn_sinks is loaded and reaches the softmax, also where a fused attention kernel takes its place.',
    source: 'vllm-project/vllm-metal#550',
    needs: 'a model that has them, such as gpt-oss',
    variants: (c) => only({ softMax: { sinks: 'missing' } }, operationOf(c).sinks !== undefined),
  }),
  bug({
    id: 'softmax-axis',
    title: 'The softmax goes over another axis',
    stages: SOFT_MAX,
    changes: 'Powers are divided by their sum over all heads, or over the heads at one position.',
    look: 'The bounds of the reduction in the softmax: the positions of one head of one token.',
    source: COMMON,
    variants: (c) =>
      each('over', c.model.config.headCount > 1 ? (['over-row', 'over-heads'] as const) : [], (sum) => ({
        softMax: { sum },
      })),
  }),
  bug({
    id: 'softmax-low-precision',
    title: 'The softmax is computed in 16 bits',
    stages: SOFT_MAX,
    changes: 'Scaled scores and probabilities are rounded to f16 or bf16.',
    look: 'The types in the softmax: f32 for scores and probabilities.',
    source: COMMON,
    needs: SEVERAL,
    variants: () => each('type', ['f16', 'bf16'] as const, (precision) => ({ softMax: { precision } })),
  }),
];

/** The group of a variation that has the soft-cap: scores and logits have different ones. */
function cappedGroup(c: StageCase): 'softMax' | 'output' {
  return operationOf(c).op === 'soft-max' ? 'softMax' : 'output';
}
