import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, type StageCase } from '../case.js';

const BOTH = ['kq', 'kqv_out'] as const;
const grouped = ({ model: { config } }: StageCase): boolean => config.headCount > config.headCountKv;

/** Which head of the cache a query head reads, and what the cache holds. */
export const ATTENTION_BUGS: readonly Bug[] = [
  bug({
    id: 'gqa-tiled',
    title: 'KV heads are tiled, not repeated',
    stages: BOTH,
    changes: 'Query head h reads KV head h mod head_count_kv in place of h / (head_count / head_count_kv).',
    look: 'How K and V are broadcast to the query heads: each is repeated for a run of neighbours (0 0 1 1, not 0 1 0 1).',
    source: 'ekzhang/jax-js#180',
    needs: 'a model with fewer KV heads than query heads',
    variants: (c) => only({ attention: { heads: 'tiled' } }, grouped(c) && c.model.config.headCountKv > 1),
  }),
  bug({
    id: 'gqa-divisor',
    title: 'The query head is divided by the wrong number to find its KV head',
    stages: BOTH,
    changes: 'Several heads collapse onto the first or the last KV head, or read past the last one.',
    look: 'The divisor: head_count / head_count_kv, the query heads of a group; not head_count, not head_count_kv.',
    source: 'PSAL-POSTECH/ONNXim#33',
    needs: 'a model with more than one KV head',
    variants: ({ model: { config } }) =>
      config.headCountKv > 1
        ? each('KV head', ['first', 'clamped', 'wrapped', 'overrun', 'last'] as const, (heads) => ({
            attention: { heads },
          }))
        : [],
  }),
  bug({
    id: 'kq-low-precision',
    title: 'Scores are kept in 16 bits and overflow',
    stages: ['kq'],
    changes: 'q · k is rounded to f16 (Infinity past 65504) or bf16.',
    look: 'The type of the scores and of the accumulator of q · k: f32, or q scaled by 1 / √head_dim before the product.',
    source: 'huggingface/transformers#33317',
    needs: 'scores above 65504 for Infinity',
    variants: () => each('type', ['f16', 'bf16'] as const, (precision) => ({ attention: { precision } })),
  }),
  bug({
    id: 'kq-scaled',
    title: 'Scores are scaled before the softmax does it',
    stages: ['kq'],
    changes: 'q · k is multiplied by 1 / √head_dim already. Harmless where the softmax does not scale again.',
    look: 'Where 1 / √head_dim is applied: to q, to the scores, or in the softmax, and only once.',
    source: COMMON,
    variants: (c) => {
      const { attentionScale } = c.model.config;
      return attentionScale === 1 ? [] : only({ attention: { scale: attentionScale } });
    },
  }),
  bug({
    id: 'cache-layout',
    title: 'The cache is read in another layout than it was written in',
    stages: BOTH,
    changes:
      'Positions, heads or dimensions of the cached rows are exchanged, as where V is read in the layout of a transposed K.',
    look: 'The strides of K and V where they are stored and where they are read: (position, head, head_dim) on both sides.',
    source: COMMON,
    needs: 'more than one position',
    variants: (c) => {
      const across = ['stored-transposed', 'read-transposed'] as const;
      const heads = ['stored-heads-first', 'read-heads-first'] as const;
      return [
        ...each('layout', across, (layout) => ({ attention: { layout } })),
        ...each('layout', c.model.config.headCountKv > 1 ? heads : [], (layout) => ({ attention: { layout } })),
      ];
    },
  }),
  bug({
    id: 'cache-shifted',
    title: 'The cache is read one position off',
    stages: BOTH,
    changes: 'Each position has the row of the one before it or after it.',
    look: 'The position where K and V are stored, against the one where they are read.',
    source: COMMON,
    needs: 'more than one position',
    variants: () => each('shift', [1, -1], (shift) => ({ attention: { shift } })),
  }),
  bug({
    id: 'cache-newest-missing',
    title: 'The newest token is not in the cache yet',
    stages: BOTH,
    changes: "A decoded token's own K or V reads as 0.",
    look: 'The order of storing K and V and of attention, and the barrier between them.',
    source: COMMON,
    needs: 'a decode step',
    variants: (c) => only({ attention: { newest: 'missing' } }, c.rows === 1 && c.firstPosition > 0),
  }),
  bug({
    id: 'cache-rope',
    title: 'The cache holds keys without RoPE, or values with it',
    stages: BOTH,
    changes: 'Keys are stored before they are turned; or values are turned as if they were keys.',
    look: 'Which buffers are stored in the cache: K after RoPE, V as it is projected.',
    source: COMMON,
    needs: 'more than one position',
    variants: (c) => {
      const { op, latent } = operationOf(c);
      return only({ attention: { turned: op === 'scores' ? -1 : 1 } }, latent === undefined);
    },
  }),
  bug({
    id: 'cache-quantized',
    title: 'The KV cache is of a smaller type',
    stages: BOTH,
    changes: 'K or V went through F16, Q8_0 or Q4_0 on its way through the cache.',
    look: 'The type of the KV cache (type_k and type_v in llama.cpp); the reference keeps F32.',
    source: 'ggml-org/llama.cpp#23717',
    variants: ({ model: { config } }) => {
      const types =
        (config.headCountKv * config.headDim) % 32 === 0 ? (['Q4_0', 'Q8_0', 'F16'] as const) : (['F16'] as const);
      return each('type', types, (type) => ({ attention: { type } }));
    },
  }),
  bug({
    id: 'heads-not-merged',
    title: 'Heads are not moved back beside each other',
    stages: ['kqv_out'],
    changes: 'The rows of (head, token, head_dim) are taken for (token, head, head_dim): tokens are mixed.',
    look: 'The transpose between attention and its output projection.',
    source: COMMON,
    needs: 'a prompt of more than one token',
    variants: (c) => only({ attention: { order: 'heads-first' } }, c.rows > 1 && c.model.config.headCount > 1),
  }),
];
