import { BLOCKS } from '../blocks.js';
import { type Bug, bug, COMMON, each, only, type Variant } from '../bug.js';
import { biasOf, headsOf, operationOf, type StageCase } from '../case.js';
import { PRODUCT_STAGES } from '../stage-operations.js';
import type { HeadOrder, Permutation } from '../variation.js';
import { ownWeight } from './weights.js';

const WEIGHTS = ['embd', ...PRODUCT_STAGES];
const BIASED = [...PRODUCT_STAGES, 'attn_norm', 'ffn_norm', 'result_norm'];

const permuted = (...permute: readonly Permutation[]): Variant => ({
  variation: { product: { permute } },
  parameters: { rows: permute.map(({ to, heads }) => `to ${to} of ${heads} heads`).join(', ') },
});

/** Weights and heads that are read from, or left in, the wrong places. */
export const LAYOUT_BUGS: readonly Bug[] = [
  bug({
    id: 'qk-permutation',
    title: 'Q or K is permuted between Hugging Face and GGUF once too often, or not at all',
    stages: ['q_proj', 'k_proj'],
    changes: 'The rows of each head are reordered: evens before odds, or the halves in turn. Their norms stay.',
    look: "The loader: GGUF's Q and K are for neighbouring pairs, Hugging Face's for halves; reorder once if RoPE turns halves.",
    source: 'onnxruntime/mobius#396',
    variants: (c) => {
      const { headDim } = c.model.config;
      const heads = headsOf(c);
      if (headDim < 4) return [];
      const both = [permuted({ to: 'halves', heads }), permuted({ to: 'neighbours', heads })];
      const twice = [
        permuted({ to: 'halves', heads }, { to: 'halves', heads }),
        permuted({ to: 'neighbours', heads }, { to: 'neighbours', heads }),
      ];
      return headDim > 4 ? [...both, ...twice] : both;
    },
  }),
  bug({
    id: 'k-permutation-heads',
    title: 'K is permuted as if it had as many heads as Q',
    stages: ['k_proj'],
    changes: 'The rows of K are reordered in blocks of head_dim · head_count_kv / head_count; V is right.',
    look: 'The number of heads given to the permutation of K: head_count_kv.',
    source: 'huggingface/transformers#31788',
    needs: 'a model with fewer KV heads than query heads',
    variants: (c) => {
      const { headCount: all, headCountKv: heads, headDim } = c.model.config;
      const rows = (heads * headDim) / all;
      if (all === heads || rows < 2 || rows % 2 !== 0) return [];
      return [
        permuted({ to: 'halves', heads }, { to: 'neighbours', heads: all }),
        permuted({ to: 'halves', heads: all }, { to: 'neighbours', heads }),
        permuted({ to: 'halves', heads: all }),
        permuted({ to: 'neighbours', heads: all }),
      ];
    },
  }),
  bug({
    id: 'head-order',
    title: 'Heads are in another order',
    stages: ['q_proj', 'k_proj', 'v_proj', 'kqv_out', 'attn_out'],
    changes: "A row's heads are reversed, grouped otherwise, or laid out dimension by dimension.",
    look: 'How heads are split and merged: (token, head, head_dim), and query heads of one KV head beside each other.',
    source: COMMON,
    needs: 'a model of more than one head',
    variants: (c) => {
      const { headCountKv } = c.model.config;
      const heads = headsOf(c);
      const any: HeadOrder[] = heads > 1 ? ['reversed', 'dimension-major', 'from-dimension-major'] : [];
      const grouped: HeadOrder[] = heads > headCountKv && headCountKv > 1 ? ['group-major', 'from-group-major'] : [];
      return each('order', [...any, ...grouped], (order) => {
        const { op, heads: ofOutputs } = operationOf(c);
        if (op === 'values') return { attention: { order } };
        return { product: ofOutputs ? { outputs: order } : { inputs: order } };
      });
    },
  }),
  bug({
    id: 'weight-transposed',
    title: 'The weight is transposed',
    stages: WEIGHTS,
    changes: 'Weight (row, column) is looked for where (column, row) of the same count is.',
    look: 'The strides of the product: GGUF has the inputs of one output beside each other.',
    source: 'paiml/aprender#278',
    variants: () => only({ product: { walk: 'transposed' } }),
  }),
  bug({
    id: 'weight-block-order',
    title: "The weight's blocks are walked in another order",
    stages: WEIGHTS,
    changes: "A row's blocks lie a whole column of blocks apart, or from the last to the first.",
    look: 'The index of the block: row · (columns / block) + block.',
    source: 'paiml/aprender#278',
    variants: (c) => {
      const w = ownWeight(c);
      const blocks = w ? Math.ceil(w.columns / BLOCKS[w.type].elements) : 0;
      const walks = blocks > 1 && BLOCKS[(w as { type: keyof typeof BLOCKS }).type].elements > 1;
      return each('walk', walks ? (['blocks-by-column', 'blocks-reversed'] as const) : [], (walk) => ({
        product: { walk },
      }));
    },
  }),
  bug({
    id: 'weight-group-index',
    title: 'The index of a block or of a group of columns is missing',
    stages: WEIGHTS,
    changes: 'The first group of columns is read again in place of each of the others: one in eight is right.',
    look: 'The offset of the loop over blocks or groups of a row: it must enter the address.',
    source: '1bit-MONSTER/1bit-MONSTER#153',
    variants: (c) => {
      const columns = ownWeight(c)?.columns ?? 0;
      const runs = [32, 64, 128, 16, 256, 8, 4].flatMap((size) => [
        { size, of: Math.ceil(256 / size) },
        { size, of: Math.ceil(columns / size) },
      ]);
      return distinct(runs.filter(({ size, of }) => of > 1 && size < columns)).map((group) => ({
        variation: { product: { group } },
        parameters: { 'group of columns': group.size, 'one in': group.of },
      }));
    },
  }),
  bug({
    id: 'bias-missing',
    title: 'The bias is not added',
    stages: BIASED,
    changes: 'A product, or a norm times its weight, stands without its bias: the error is the same for every token.',
    look: 'Whether the loader reads the .bias tensors beside the weights.',
    source: 'sbryngelson/ANEForge#253',
    needs: 'a model with biases',
    variants: (c) => only({ product: { bias: 'missing' } }, hasBias(c)),
  }),
  bug({
    id: 'bias-twice',
    title: 'The bias is added twice',
    stages: BIASED,
    changes: 'A product, or a norm times its weight, has its bias two times: the error is the same for every token.',
    look: 'Whether a fused product adds the bias already.',
    source: COMMON,
    needs: 'a model with biases',
    variants: (c) => only({ product: { bias: 'twice' } }, hasBias(c)),
  }),
  bug({
    id: 'bias-unpermuted',
    title: 'The bias of Q or K is not permuted with its weight',
    stages: ['q_proj', 'k_proj'],
    changes: 'The bias is in the order for halves where the weight is in the order for neighbours.',
    look: 'The permutation of Q and K: the bias is permuted as the rows of the weight are.',
    source: COMMON,
    needs: 'a model with biases',
    variants: (c) => only({ product: { bias: 'unpermuted' } }, hasBias(c)),
  }),
];

const hasBias = (c: StageCase): boolean => biasOf(c) !== undefined;

const distinct = <T extends { size: number; of: number }>(runs: readonly T[]): T[] => [
  ...new Map(runs.map((run) => [`${run.size}/${run.of}`, run])).values(),
];
