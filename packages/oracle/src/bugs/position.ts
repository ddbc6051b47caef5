import { type Bug, bug, COMMON, each, only } from '../bug.js';
import type { StageCase } from '../case.js';

const ROPE = ['q_rope', 'k_rope'] as const;

/** The length of the case's prompt, if every step after it decodes as many rows as this one. */
const promptLength = (c: StageCase): number => c.firstPosition - (c.step - 1) * c.rows;

/** Which position a row is turned for. */
export const POSITION_BUGS: readonly Bug[] = [
  bug({
    id: 'rope-position-pinned',
    title: 'Every decoded token is turned for the same position',
    stages: ROPE,
    changes: 'The position stays where the prompt ended, in place of growing with each step.',
    look: 'Where the decode loop writes the position: a uniform or a graph input that is set once and never again.',
    source: 'jundot/omlx#2363',
    needs: 'a decode step; two of them tell it from a position that is one off',
    variants: (c) => {
      if (c.step < 1 || c.rows > 1) return [];
      const pinned = [promptLength(c), promptLength(c) - 1].filter((position) => position !== c.firstPosition);
      return each('position', pinned, (position) => ({ rope: { position } }));
    },
  }),
  bug({
    id: 'rope-position-restarts',
    title: 'Positions count from 0 again in each step',
    stages: ROPE,
    changes: 'A decoded token is turned for its place in its own step.',
    look: 'Whether the count of tokens that the cache already has is added to the position.',
    source: COMMON,
    needs: 'a decode step; a step of more than one token tells it from RoPE that is not applied',
    variants: (c) => only({ rope: { position: 'from-zero' } }, c.firstPosition > 0),
  }),
  bug({
    id: 'rope-cache-length',
    title: 'The cache grows while the layers still use its length',
    stages: ROPE,
    changes: "Layers after the first count this step's tokens twice: their positions are that many too far.",
    look: 'Where the length of the cache is advanced: once after the last layer, not in layer 0 or in each.',
    source: 'fla-org/flash-linear-attention#766',
    needs: 'a layer after the first',
    variants: ({ layer, rows }) =>
      each('position offset', layer ? [...new Set([rows, layer * rows])] : [], (offset) => ({ rope: { offset } })),
  }),
  bug({
    id: 'rope-position-offset',
    title: 'Positions are off by a constant',
    stages: ROPE,
    changes: 'Every row is turned for a position that is the same number too far or too near.',
    look: 'What the first position of the prompt and of each decode step is: 0, then the count of tokens so far.',
    source: 'skyzh/tiny-llm#46',
    needs: 'a decode step, or the first row of a prompt',
    variants: () => each('position offset', [1, -1], (offset) => ({ rope: { offset } })),
    search: {
      name: 'position offset',
      scale: 'integer',
      range: (c) => [-Math.max(16, c.firstPosition + c.rows), Math.max(16, c.firstPosition + c.rows)],
      right: () => 0,
      variation: (offset) => ({ rope: { offset } }),
    },
  }),
];
