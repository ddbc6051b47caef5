import { type Bug, bug, COMMON, each, only } from '../bug.js';
import { operationOf, type StageCase, tensorName } from '../case.js';
import { computeStage } from '../compute.js';

const RESIDUAL = ['ffn_inp', 'l_out'] as const;

const largest = (c: StageCase): number => computeStage(c).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** The residual stream. */
export const RESIDUAL_BUGS: readonly Bug[] = [
  bug({
    id: 'residual-missing',
    title: 'The residual is not added',
    stages: RESIDUAL,
    changes: 'What the layer adds replaces the residual stream.',
    look: 'The addition after attention and after the feed-forward half: it may write over the buffer that it should add to.',
    source: COMMON,
    variants: () => only({ residual: { times: 0 } }),
  }),
  bug({
    id: 'residual-twice',
    title: 'The residual is added twice',
    stages: RESIDUAL,
    changes: 'The residual stream is doubled before the layer adds to it.',
    look: 'Whether a product already accumulates into the residual stream that is then added.',
    source: COMMON,
    variants: () => only({ residual: { times: 2 } }),
  }),
  bug({
    id: 'residual-branch',
    title: 'What the layer adds is left out, doubled or subtracted',
    stages: RESIDUAL,
    changes: 'The residual stream has attn_out or ffn_out 0, 2 or −1 times in place of once.',
    look: 'The addition after attention and after the feed-forward half, and whether it runs in place twice.',
    source: COMMON,
    variants: () => each('times', [0, 2, -1], (branch) => ({ residual: { branch } })),
  }),
  bug({
    id: 'residual-overwritten',
    title: 'The norm overwrites the residual',
    stages: RESIDUAL,
    changes: 'The normalised rows are added to, in place of the rows that were normalised.',
    look: "The norm's output buffer: it must not be the residual stream's.",
    source: 'allenai/OLMo#680',
    variants: (c) => {
      const { norm } = operationOf(c);
      const hasWeight = norm !== undefined && c.model.weight(tensorName(c, norm)) !== undefined;
      const by = hasWeight ? (['norm', 'rms'] as const) : (['rms'] as const);
      return each('by', by, (overwritten) => ({ residual: { overwritten } }));
    },
  }),
  bug({
    id: 'activations-clipped',
    title: 'The residual stream is clipped',
    stages: RESIDUAL,
    changes: 'Values past a bound are cut off at it; the large ones that a few columns always have are what is lost.',
    look: 'A clamp after the residual addition, there for stability, or a cast to a type with a small range.',
    source: "rustorch's notes",
    needs: 'values past the bound',
    variants: (c) => {
      const most = largest(c);
      const bounds = [10, 100, 1, 5, 50, 20].filter((bound) => bound < most);
      return each('bound', bounds.length ? bounds : [most / 2], (clip) => ({ output: { clip } }));
    },
    search: {
      name: 'clip bound',
      scale: 'log',
      range: (c) => [largest(c) / 1000, largest(c)],
      right: () => Number.POSITIVE_INFINITY,
      variation: (clip) => ({ output: { clip } }),
    },
  }),
];
