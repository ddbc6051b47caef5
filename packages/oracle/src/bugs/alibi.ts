import { type Bug, bug, COMMON, each, only } from '../bug.js';
import type { StageCase } from '../case.js';

const SOFT_MAX = ['kq_soft_max'] as const;
const NEEDS = 'a model that has ALiBi in place of positions, such as BLOOM and MPT, and more than two positions';

const hasAlibi = ({ model: { config } }: StageCase): boolean => config.maxAlibiBias !== undefined;
const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/** How much scores fall with the distance, where that takes the place of positions. */
export const ALIBI_BUGS: readonly Bug[] = [
  bug({
    id: 'alibi-missing',
    title: 'ALiBi is left out',
    stages: SOFT_MAX,
    changes: 'Scores do not fall with the distance: the model does not know the order of its tokens.',
    look: 'Whether the slopes reach the attention kernel, in decode as well as in prefill; a fused one may have no such argument.',
    source: 'NVIDIA/FasterTransformer#558',
    needs: NEEDS,
    variants: (c) => only({ softMax: { slopes: 'missing' } }, hasAlibi(c)),
  }),
  bug({
    id: 'alibi-distance',
    title: "ALiBi's distance is counted from the wrong end",
    stages: SOFT_MAX,
    changes: 'Scores fall towards the position of the row, in place of away from it: the first token is favoured.',
    look: 'The sign of the distance: slope · (position of the key − position of the query), which is never above 0.',
    source: 'meta-pytorch/attention-gym#86',
    needs: NEEDS,
    variants: (c) => only({ softMax: { distance: 'from-first' } }, hasAlibi(c)),
  }),
  bug({
    id: 'alibi-scaled',
    title: 'ALiBi is added before the scores are scaled',
    stages: SOFT_MAX,
    changes: 'What ALiBi takes away is divided by √head_dim too: scores hardly fall with the distance.',
    look: 'The order of the two: the scaled score, and then the bias as it is.',
    source: 'ggml-org/llama.cpp#7192',
    needs: NEEDS,
    variants: (c) => only({ softMax: { distance: 'scaled' } }, hasAlibi(c) && c.model.config.attentionScale !== 1),
  }),
  bug({
    id: 'alibi-slopes-of-heads',
    title: "ALiBi's slopes take the number of heads for a power of two",
    stages: SOFT_MAX,
    changes: 'The slopes are one sequence over all heads, or the first ones of that of the next power of two.',
    look: 'The slopes of a number of heads such as 6 or 40: those of the next lower power, then every second one of twice as many.',
    source: 'ml-explore/mlx#3071',
    needs: 'a model that has ALiBi, and a number of heads that is no power of two',
    variants: (c) => {
      const isOdd = hasAlibi(c) && !isPowerOfTwo(c.model.config.headCount);
      return each('sequence', isOdd ? (['of-any-count', 'of-next-power'] as const) : [], (slopes) => ({
        softMax: { slopes },
      }));
    },
  }),
  bug({
    id: 'alibi-slopes-exponent',
    title: "The exponents of ALiBi's slopes begin with 0",
    stages: SOFT_MAX,
    changes: 'Head h of n has the slope 2^(−8h/n), h from 0 on: the first one is 1, and all others are too steep.',
    look: 'The exponent: −8 · (h + 1) / n.',
    source: 'paiml/aprender#2143',
    needs: NEEDS,
    variants: (c) => only({ softMax: { slopes: 'from-zero' } }, hasAlibi(c)),
  }),
  bug({
    id: 'alibi-slopes-reversed',
    title: "ALiBi's slopes are those of the heads the other way round",
    stages: SOFT_MAX,
    changes: 'The first head has the slope of the last one, and so on.',
    look: 'The order of the slopes: the first head has the steepest.',
    source: COMMON,
    needs: 'a model that has ALiBi, and more than one head',
    variants: (c) => only({ softMax: { slopes: 'reversed' } }, hasAlibi(c) && c.model.config.headCount > 1),
  }),
  bug({
    id: 'alibi-bias-max',
    title: 'ALiBi has another steepest slope',
    stages: SOFT_MAX,
    changes: "All heads' slopes follow from another max_alibi_bias than the file's, or than 8.",
    look: 'Whether attention.max_alibi_bias (alibi_bias_max) is read; where a file has none it is 8.',
    source: COMMON,
    needs: NEEDS,
    variants: (c) => {
      const others = hasAlibi(c) ? [8, 4, 16].filter((bias) => bias !== c.model.config.maxAlibiBias) : [];
      return each('max_alibi_bias', others, (maxAlibiBias) => ({ softMax: { maxAlibiBias } }));
    },
    search: {
      name: 'max_alibi_bias',
      scale: 'log',
      range: (c) => (hasAlibi(c) ? [0.5, 64] : [1, 1]),
      right: ({ model: { config } }) => config.maxAlibiBias ?? 1,
      variation: (maxAlibiBias, c) => (hasAlibi(c) ? { softMax: { maxAlibiBias } } : {}),
    },
  }),
];
