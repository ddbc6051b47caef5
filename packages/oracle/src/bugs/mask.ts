import { type Bug, bug, COMMON, each, only, type Variant } from '../bug.js';
import type { StageCase } from '../case.js';
import { hasAllScores } from '../variants/scores.js';
import type { SoftMaxVariation } from '../variation.js';

const SOFT_MAX = ['kq_soft_max'] as const;
const PREFILL = 'a prompt of more than one token: its last row sees everything anyway';

/** A row that looks past the mask finds the largest score that it sees in a blaming run, and the hidden score itself in a free one. */
function pastMask(c: StageCase, softMax: SoftMaxVariation, rows = 2): Variant[] {
  if (c.rows < rows) return [];
  const known = hasAllScores(c);
  const hidden = known ? (['largest', 'scores'] as const) : (['largest'] as const);
  return each('hidden scores', hidden, (from) => ({ softMax: { ...softMax, hidden: from } }));
}

/** What hides too much shows in the scores already, where an engine leaves out what its mask hides. It is put into the softmax alone. */
const SCORES_TOO = ['kq_soft_max', 'kq'] as const;
const notIntoScores = (one: Bug): Bug => ({ ...one, example: (c) => (c.stage === 'kq' ? undefined : one.example(c)) });

/** Whether the layer has a window that hides something in this run. */
const hasWindow = (c: StageCase): boolean => (c.model.config.window ?? Number.POSITIVE_INFINITY) < positions(c);

const rightWindow = (c: StageCase): number => c.model.config.window ?? positions(c);

const positions = (c: StageCase): number => c.firstPosition + c.rows;

/** Lengths that somebody may have built in, or that are known from the run, of less than all positions. */
function shorter(c: StageCase): number[] {
  const n = positions(c);
  const lengths = [n - 1, n >> 1, ...Array.from({ length: 20 }, (_, i) => 2 ** i)];
  return [...new Set(lengths.filter((length) => length >= 1 && length < n))];
}

/** Which positions a row sees. */
export const MASK_BUGS: readonly Bug[] = [
  bug({
    id: 'mask-missing',
    title: 'There is no causal mask',
    stages: SOFT_MAX,
    changes: 'Every token of the prompt sees the tokens after it.',
    look: 'Whether the mask is applied when more than one token is computed at once; decode steps do not need it.',
    source: 'lablup/mlxcel#998',
    needs: PREFILL,
    variants: (c) => pastMask(c, { ahead: Number.POSITIVE_INFINITY }),
  }),
  bug({
    id: 'mask-off-by-one',
    title: 'The causal mask is one off',
    stages: SOFT_MAX,
    changes: 'A token sees the one after it, or does not see itself.',
    look: 'The comparison in the mask: a row at position p sees 0 … p, p among them.',
    source: 'flashinfer-ai/flashinfer#348',
    needs: PREFILL,
    variants: (c) => [
      ...pastMask(c, { ahead: 1 }),
      ...each('first row', ['NaN', 'zero', 'uniform', 'uniform-seen'] as const, (blind) => ({
        softMax: { ahead: -1, ...(blind === 'NaN' ? {} : { blind }) },
      })),
    ],
  }),
  notIntoScores(
    bug({
      id: 'mask-forgets-past',
      title: 'The mask of a decode step does not count the tokens before it',
      stages: SCORES_TOO,
      changes: 'The first row of the step sees one position only, the next two, as if the cache were empty.',
      look: "The position that the mask compares with: the row's own, the cached tokens included, not its index in the step.",
      source: COMMON,
      needs: 'a decode step, or a prompt in chunks',
      variants: (c) => only({ softMax: { past: 'hidden' } }, c.firstPosition > 0),
    }),
  ),
  notIntoScores(
    bug({
      id: 'mask-per-chunk',
      title: 'The mask counts from 0 again in each chunk of the prompt',
      stages: SCORES_TOO,
      changes:
        'Row i of a later chunk sees only the positions 0 … i of the whole prompt: neither itself nor what is just before it.',
      look: "The position that the mask compares with: the chunk's first position is added to the row's index in the chunk.",
      source: 'gittensor-ai-lab/sparkinfer#3',
      needs: 'a prompt that is longer than a chunk',
      variants: (c) => each('chunk', c.rows > 1 ? shorter(c) : [], (chunk) => ({ softMax: { chunk } })),
      search: {
        name: 'chunk',
        scale: 'integer',
        range: (c) => [c.rows > 1 ? 1 : positions(c), positions(c)], // of one row every length may be the remainder of another
        right: positions,
        variation: (chunk) => ({ softMax: { chunk } }),
      },
    }),
  ),
  bug({
    id: 'mask-multiplied',
    title: 'The mask multiplies scores by 0',
    stages: SOFT_MAX,
    changes: 'Hidden positions have the score 0 in place of −Infinity, and so a probability.',
    look: 'The mask: it is added, as −Infinity, before the softmax.',
    source: COMMON,
    needs: PREFILL,
    variants: (c) => only({ softMax: { masked: 'zero' } }, c.rows > 1),
  }),
  bug({
    id: 'mask-after-softmax',
    title: 'The mask is applied after the softmax',
    stages: SOFT_MAX,
    changes: 'Hidden positions take their share of the sum, and are set to 0 only then: rows sum to less than 1.',
    look: 'The order of mask and softmax.',
    source: COMMON,
    needs: PREFILL,
    variants: (c) => pastMask(c, { masked: 'after' }),
  }),
  bug({
    id: 'window-ignored',
    title: 'The sliding window of the layer is ignored',
    stages: SOFT_MAX,
    changes: 'A token sees everything before it, in place of the last positions only.',
    look: 'Whether sliding_window is read, and reaches the attention of the layers that have it, in prefill and in decode steps.',
    source: 'vllm-project/vllm-metal#282',
    needs: 'a prompt that is longer than the window',
    variants: (c) => (hasWindow(c) ? pastMask(c, { window: Number.POSITIVE_INFINITY }, 1) : []),
  }),
  bug({
    id: 'window-off-by-one',
    title: 'The sliding window is one position too long or too short',
    stages: SOFT_MAX,
    changes: 'A token sees so many positions before its own as the window is long, or one less than it should.',
    look: "Whether the window counts the token's own position: here it does, as in Hugging Face's models; window_size of flash attention does not.",
    source: 'huggingface/transformers#39408',
    needs: 'a prompt that is longer than the window',
    variants: (c) => {
      const { window } = c.model.config;
      if (window === undefined) return [];
      return [...only({ softMax: { window: window - 1 } }, window > 1), ...pastMask(c, { window: window + 1 }, 1)];
    },
  }),
  notIntoScores(
    bug({
      id: 'sliding-window',
      title: 'Attention is cut off by a sliding window',
      stages: SCORES_TOO,
      changes: 'A token sees only the last positions.',
      look: 'Whether a sliding_window of another model, of other layers or a default is applied: this layer sees everything before it.',
      source: 'sgl-project/sglang#4823',
      needs: 'a prompt that is longer than the window',
      variants: (c) => each('sliding_window', hasWindow(c) ? [] : shorter(c), (window) => ({ softMax: { window } })),
      search: {
        name: 'sliding_window',
        scale: 'integer',
        range: (c) => (hasWindow(c) ? [rightWindow(c), rightWindow(c)] : [1, positions(c)]),
        right: rightWindow,
        variation: (window) => ({ softMax: { window } }),
      },
    }),
  ),
];
