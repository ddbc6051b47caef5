import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, tensorName } from '../case.js';
import { PRODUCT_STAGES } from '../stage-operations.js';
import { otherLayers, otherParts, ownPart, ownWeight, sameShape, thirdOf } from './weights.js';

/** Which weight a product has, and how it is summed. */
export const PRODUCT_BUGS: readonly Bug[] = [
  bug({
    id: 'weight-empty',
    title: 'The weight is empty',
    stages: ['embd', ...PRODUCT_STAGES.filter((stage) => stage !== 'result_output')],
    changes: 'All outputs are 0: the weight was never filled, or the product never ran.',
    look: 'The upload of this weight, and whether the kernel is dispatched at all.',
    source: COMMON,
    variants: () => only({ output: { zero: true } }),
  }),
  bug({
    id: 'weight-exchanged',
    title: 'Another weight of the layer is multiplied',
    stages: ['q_proj', 'k_proj', 'v_proj', 'attn_out'],
    changes: 'K has the rows of V and the other way, or Q those of the output projection.',
    look: 'The names that the weights are loaded by, or the order of the slices of a fused QKV.',
    source: COMMON,
    variants: (c) => {
      const stems = ['attn_q', 'attn_k', 'attn_v', 'attn_output'].filter((stem) => stem !== operationOf(c).weight);
      const names = [...stems.map((stem) => tensorName(c, stem)), ...otherParts(c)];
      const fitting = names.filter((name) => sameShape(c.model.weight(name), ownWeight(c)));
      return each('weight', fitting, (weight) => ({ product: { weight } }));
    },
  }),
  bug({
    id: 'fused-qkv-split',
    title: 'A fused QKV is split in the wrong places',
    stages: ['q_proj', 'k_proj', 'v_proj'],
    changes:
      'Q, K and V have rows of each other: three equal parts under grouped queries, or a key and a value behind the queries of each group.',
    look: 'Where Q, K and V are one weight and are split: all rows of Q come first, then those of K and V, and Q may have more.',
    source: 'vllm-project/vllm#13686',
    needs: 'Q, K and V of one type, and more than one KV head',
    variants: (c) => {
      const own = ownPart(c);
      const thirds = thirdOf(c).flatMap((weight) => only({ product: { weight } }));
      return own ? [...thirds, { variation: { product: { weight: own.name, fused: 'by-group' } } }] : [];
    },
  }),
  bug({
    id: 'weight-other-layer',
    title: 'The weight of another layer is multiplied',
    stages: PRODUCT_STAGES.filter((stage) => stage !== 'result_output'),
    changes: "A layer's product has the weight of the layer before it, after it, of the first or of the last.",
    look: 'The index of the layer where weights are loaded or bound: a cached bind group, an offset that does not advance.',
    source: COMMON,
    needs: 'a model of more than one layer',
    variants: (c) => each('weight', otherLayers(c), (weight) => ({ product: { weight } })),
  }),
  bug({
    id: 'product-low-precision',
    title: 'The product is summed in 16 bits',
    stages: PRODUCT_STAGES,
    changes: 'Sums, inputs or outputs are rounded to f16 or bf16; columns with large values overflow first.',
    look: 'The types in the product: the accumulator is f32 even where weights and activations are f16.',
    source: 'ggml-org/llama.cpp#25748',
    variants: () => [
      ...each('accumulator', ['f16', 'bf16'] as const, (accumulate) => ({ product: { accumulate } })),
      ...each('inputs', ['f16', 'bf16'] as const, (inputPrecision) => ({ product: { inputPrecision } })),
      ...each('outputs', ['f16', 'bf16'] as const, (precision) => ({ output: { precision } })),
    ],
  }),
  bug({
    id: 'rounded-toward-zero',
    title: 'Numbers are cut to 16 bits, not rounded',
    stages: PRODUCT_STAGES,
    changes: 'The lower bits are dropped: every value is a little too small, which adds up from layer to layer.',
    look: 'The conversion to bf16 or f16: a shift by 16 bits drops what should be rounded to the nearest, ties to even.',
    source: 'stillwater-sc/universal#1133',
    variants: () => each('format', ['bf16', 'f16'] as const, (cut) => ({ output: { cut } })),
  }),
  bug({
    id: 'dispatch-limit',
    title: 'Outputs past a limit are not computed',
    stages: PRODUCT_STAGES,
    changes: 'From some column on all outputs are 0, as where a dispatch is cut at 65535 workgroups.',
    look: 'The size of the dispatch: at most 65535 workgroups in one dimension, and rounded up, not down.',
    source: 'ggml-org/llama.cpp#19965',
    needs: 'a product with more outputs than the limit: the vocabulary of a large model',
    variants: (c) => {
      const width = ownWeight(c)?.rows ?? 0;
      const powers = Array.from({ length: 18 }, (_, i) => 2 ** i);
      const limits = [65535, 32767, ...powers.reverse()].filter((limit) => limit < width && limit > width / 16);
      return each('outputs', limits, (limit) => ({ output: { limit } }));
    },
    search: {
      name: 'outputs',
      scale: 'integer',
      range: (c) => [1, ownWeight(c)?.rows ?? 1],
      right: (c) => ownWeight(c)?.rows ?? 0,
      variation: (limit) => ({ output: { limit } }),
    },
  }),
];
