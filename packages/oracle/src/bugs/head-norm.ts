import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, type StageCase, tensorName } from '../case.js';
import { headNormOf, onTheWay } from '../graph/on-the-way.js';
import { isInner } from '../stage-operations.js';
import { sameShape } from './weights.js';

/** Where the norm of Q and K shows: at the rotation, or where its own rows were captured at them. */
const HEADS = ['q_rope', 'k_rope', 'attn_norm'] as const;
const NEEDS = 'a norm of Q and K, as Qwen3 and Gemma 3 have, that the run has no stages of its own for';

const hasHeadNorm = (c: StageCase): boolean => headNormOf(operationOf(c)) !== undefined;

/** Whether the rotation comes right after the norm, and the rows before it are there. */
function canExchange(c: StageCase): boolean {
  const norm = headNormOf(operationOf(c));
  const { op, inputs } = operationOf(c);
  return norm !== undefined && op === 'rope' && inputs[0] === norm.weight && !isInner(norm.from);
}

/** The norm of Q and K, head by head or row by row. */
export const HEAD_NORM_BUGS: readonly Bug[] = [
  bug({
    id: 'qk-norm-left-out',
    title: 'The norm of Q and K is left out',
    stages: HEADS,
    changes:
      'Q or K goes into the rotation as the projection made it, or without the root mean square or the weight of its norm.',
    look: 'Whether attn_q_norm and attn_k_norm are loaded and applied between projection and rotation; a loader may know them under another name only.',
    source: 'vllm-project/vllm-metal#659',
    needs: NEEDS,
    variants: (c) =>
      hasHeadNorm(c)
        ? [
            ...only({ norm: { skipped: true, weight: 'missing' } }),
            ...each('left out', ['weight'], () => ({ norm: { weight: 'missing' } })),
            ...each('left out', ['root mean square'], () => ({ norm: { skipped: true } })),
          ]
        : [],
  }),
  bug({
    id: 'qk-norm-exchanged',
    title: 'The norms of Q and K have the weights of each other',
    stages: HEADS,
    changes: 'Q is multiplied by the weight of the norm of K, and K by that of Q.',
    look: 'The names that attn_q_norm and attn_k_norm are loaded by, and their order where they are one tensor or two arguments.',
    source: COMMON,
    needs: 'a norm of Q and K, as Qwen3 and Gemma 3 have',
    variants: (c) => {
      const [{ weight: own } = {}, ...others] = [...onTheWay(operationOf(c))].filter(({ op }) => op === 'mul');
      if (!own || !/^attn_[qk]_norm$/.test(own) || others.length > 0) return [];
      const other = tensorName(c, own === 'attn_q_norm' ? 'attn_k_norm' : 'attn_q_norm');
      return only({ norm: { other } }, sameShape(c.model.weight(other), c.model.weight(tensorName(c, own))));
    },
  }),
  bug({
    id: 'qk-norm-after-rope',
    title: 'The norm of Q and K is applied after the rotation',
    stages: ['q_rope', 'k_rope'],
    changes:
      'Numbers are multiplied by the weights of the places to which they were turned, in place of those from which they came.',
    look: 'The order of norm and rotation: first the norm, for this architecture; some others have it the other way round.',
    source: 'vllm-project/vllm-metal#660',
    needs: `${NEEDS}, and more than one position: position 0 is not turned`,
    variants: (c) => only({ rope: { norm: 'after' } }, canExchange(c)),
  }),
];
