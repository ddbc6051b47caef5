import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, type StageCase, weightName } from '../case.js';
import { otherLayers } from './weights.js';

const RMS = ['attn_rms', 'ffn_rms', 'result_rms'] as const;
const NORM = ['attn_norm', 'ffn_norm', 'result_norm'] as const;

const isLayerNorm = (c: StageCase): boolean => operationOf(c).op === 'layer-norm';

/** The root mean square. */
const RMS_BUGS: readonly Bug[] = [
  bug({
    id: 'rms-skipped',
    title: 'The norm is skipped',
    stages: RMS,
    changes: 'The residual stream goes on without being divided by its root mean square.',
    look: 'Whether the norm is called here and writes where its weight is applied; the last one is easily forgotten.',
    source: COMMON,
    variants: () => only({ norm: { skipped: true } }),
  }),
  bug({
    id: 'rms-mean-subtracted',
    title: 'LayerNorm in place of RMSNorm',
    stages: RMS,
    changes: "The row's mean is subtracted before it is divided.",
    look: 'The norm kernel: this architecture divides by the root mean square and subtracts nothing.',
    source: COMMON,
    variants: (c) => only({ norm: { mean: 'subtracted' } }, !isLayerNorm(c)),
  }),
  bug({
    id: 'norm-mean-kept',
    title: 'RMSNorm in place of LayerNorm',
    stages: RMS,
    changes: "The row is divided without its mean's being subtracted first.",
    look: 'The norm kernel: this architecture subtracts the mean of the row, and divides by its standard deviation.',
    source: COMMON,
    needs: 'a model with LayerNorm, such as BLOOM, MPT and StarCoder2',
    variants: (c) => only({ norm: { mean: 'kept' } }, isLayerNorm(c)),
  }),
  bug({
    id: 'rms-sum',
    title: 'The norm divides by the length of the row',
    stages: RMS,
    changes: 'The sum of squares is under the root in place of their mean: everything is √n_embd too small.',
    look: 'Whether the sum of squares is divided by n_embd after the reduction.',
    source: COMMON,
    variants: () => only({ norm: { square: 'sum' } }),
  }),
  bug({
    id: 'rms-over-rows',
    title: 'The norm is taken over all rows together',
    stages: RMS,
    changes: 'One root mean square serves all tokens.',
    look: 'The bounds of the reduction: one row (one token) for each workgroup.',
    source: COMMON,
    needs: 'a prompt of more than one token',
    variants: (c) => only({ norm: { square: 'of-all-rows' } }, c.rows > 1),
  }),
  bug({
    id: 'norm-input-offset',
    title: 'The norm reads its input at an offset',
    stages: RMS,
    changes: 'A part of each row is that of a neighbour, or the row is moved by a value.',
    look: 'The stride and the offset of the input: of a row that is no longer than the stream is, and in bytes or values.',
    source: 'ggml-org/llama.cpp#16400',
    variants: ({ model: { config } }) => {
      const half = config.embeddingLength / 2;
      return each('values', [half, -half, 1, -1], (offset) => ({ norm: { offset } }));
    },
  }),
  bug({
    id: 'rms-eps-place',
    title: 'The epsilon of the norm is added to the root, not under it',
    stages: RMS,
    changes: 'The row is divided by √(mean(x²)) + ε in place of √(mean(x²) + ε).',
    look: 'The norm kernel: x / √(mean(x²) + ε).',
    source: COMMON,
    needs: 'small rows, such as the embeddings of the first layer',
    variants: () => only({ norm: { epsilonPlace: 'outside' } }),
  }),
  bug({
    id: 'rms-eps',
    title: 'The norm has another epsilon',
    stages: RMS,
    changes: 'Another rms_norm_eps is added under the root: small rows are scaled more than large ones.',
    look: 'Whether llama.attention.layer_norm_rms_epsilon is read, or 1e-5 or 1e-6 is built in.',
    source: 'ggml-org/llama.cpp#2373',
    needs: 'small rows, such as the embeddings of the first layer',
    variants: ({ model: { config } }) => {
      const common = [1e-6, 1e-5, 1e-8, 1e-12, 1e-3].filter((epsilon) => epsilon !== config.rmsEpsilon);
      return each('rms_norm_eps', common, (epsilon) => ({ norm: { epsilon } }));
    },
    search: {
      name: 'rms_norm_eps',
      scale: 'log',
      range: () => [1e-12, 1],
      right: (c) => c.model.config.rmsEpsilon,
      variation: (epsilon) => ({ norm: { epsilon } }),
    },
  }),
  bug({
    id: 'rms-low-precision',
    title: 'The norm is computed in 16 bits',
    stages: RMS,
    changes: 'Squares are summed, or the row is kept, in f16 or bf16.',
    look: 'The types of the accumulator and of the output of the norm kernel: f32.',
    source: 'sgl-project/sglang#27540',
    variants: () => [
      ...each('accumulator', ['f16', 'bf16'] as const, (accumulate) => ({ norm: { accumulate } })),
      ...each('output', ['f16', 'bf16'] as const, (precision) => ({ output: { precision } })),
    ],
  }),
];

/** Its weight. */
const WEIGHT_BUGS: readonly Bug[] = [
  bug({
    id: 'norm-weight-missing',
    title: "The norm's weight is not applied",
    stages: NORM,
    changes: 'The row stays as its root mean square left it.',
    look: "Whether the norm's weight is bound and multiplied here.",
    source: 'pytorch/executorch#19901',
    variants: () => only({ norm: { weight: 'missing' } }),
  }),
  bug({
    id: 'norm-weight-twice',
    title: "The norm's weight is applied twice",
    stages: NORM,
    changes: 'Each column is multiplied by the square of its weight.',
    look: 'Whether a fused norm multiplies by the weight already, or the weight was folded into the projections.',
    source: 'vllm-project/vllm#31464',
    variants: () => only({ norm: { weight: 'twice' } }),
  }),
  bug({
    id: 'norm-weight-plus-one',
    title: "1 is added to the norm's weight",
    stages: NORM,
    changes: 'Each column is multiplied by 1 + weight, as in Gemma; GGUF files have the 1 in the weight.',
    look: 'A (1 + weight) in the norm, or in the loader: not for this architecture, and never for a GGUF file.',
    source: 'vllm-project/vllm#31464',
    variants: () => only({ norm: { weight: 'plus-one' } }),
  }),
  bug({
    id: 'norm-weight-added',
    title: "The norm's weight is added",
    stages: NORM,
    changes: 'The weight is added to each column as if it were a bias.',
    look: 'The operation between the norm and its weight: a product.',
    source: COMMON,
    variants: () => only({ norm: { weight: 'added' } }),
  }),
  bug({
    id: 'norm-weight-exchanged',
    title: "Another norm's weight is applied",
    stages: NORM,
    changes: 'The weights of attn_norm, ffn_norm and output_norm are taken for each other.',
    look: 'Which name each norm is loaded by: attn_norm before attention, ffn_norm before the feed-forward half, output_norm last.',
    source: COMMON,
    variants: (c) => {
      const layer = c.layer ?? c.model.layers - 1;
      const names = [`blk.${layer}.ffn_norm.weight`, `blk.${layer}.attn_norm.weight`, 'output_norm.weight'];
      const others = names.filter((name) => name !== weightName(c) && c.model.weight(name));
      return each('weight', others, (weight) => ({ norm: { other: weight } }));
    },
  }),
  bug({
    id: 'norm-weight-other-layer',
    title: "The weight of another layer's norm is applied",
    stages: ['attn_norm', 'ffn_norm'],
    changes: "A layer's norm has the weight of the layer before it, after it, of the first or of the last.",
    look: 'The index of the layer where the norm weights are loaded or bound.',
    source: COMMON,
    needs: 'a model of more than one layer',
    variants: (c) => each('weight', otherLayers(c), (weight) => ({ norm: { other: weight } })),
  }),
];

/** Everything about norms. */
export const NORM_BUGS: readonly Bug[] = [...RMS_BUGS, ...WEIGHT_BUGS];
