import type { Tensor } from '@llama-probe/dump';
import type { PrintedNode } from './printed.js';
import type { StageOfLog } from './stages.js';

/** What a log has of a stage: some columns of some rows. */
export interface PrintedStage extends Pick<Tensor, 'step' | 'order' | 'layer' | 'stage'> {
  /** Where the rows are that it has something of. */
  readonly positions: readonly number[];
  /** Of how many rows all elements are. */
  readonly allRows: number;
  /** Which columns of a row; of scores, whose rows are as long as the other side says, head and position. */
  readonly columns: readonly Column[];
  readonly values: ReadonlyMap<string, number>; // `${position}/${column}`
  readonly half: number;
  readonly sum: number | undefined;
  /** How many heads a row has side by side, of what is by heads. */
  readonly heads: number | undefined;
  readonly elements: number;
}

export interface Column {
  readonly head: number;
  readonly index: number;
}

export const cell = (position: number, column: number): string => `${position}/${column}`;

/** One evaluation of the graph. */
export interface Pass {
  readonly first: number;
  readonly tokens: number;
}

/**
 * A node's printed values as rows, one for each position.
 *
 * @returns undefined where no dimension is the tokens
 */
export function rowsOf(
  node: PrintedNode,
  { stage, layer, isByHeads }: StageOfLog,
  order: number,
  { first, tokens }: Pass,
): PrintedStage | undefined {
  const { ne, at, values, half, sum } = node;
  const [width, second, third] = ne;
  const layout = layoutOf(ne, tokens, isByHeads ?? false);
  if (!layout) return undefined;
  const rows = layout === 'last' ? 1 : tokens;
  const slowest = layout === 'rows' && tokens > 1 ? (third > 1 ? 2 : 1) : 3;
  const columns = new Map<string, Column>();
  const cells: [number, string, number][] = [];
  for (const [i, [i0, i1, i2]] of at.entries()) {
    const [row, head, index] =
      layout === 'heads'
        ? [i1, i2, i0]
        : slowest === 2
          ? [i2, 0, i1 * width + i0]
          : slowest === 1
            ? [i1, 0, i0]
            : [0, 0, (i2 * second + i1) * width + i0];
    const key = `${head}/${index}`;
    columns.set(key, { head, index });
    cells.push([first + (layout === 'last' ? tokens - 1 : row), key, values[i] as number]);
  }
  const sorted = [...columns].sort(([, a], [, b]) => a.head - b.head || a.index - b.index);
  const places = new Map(sorted.map(([key], column) => [key, column]));
  return {
    step: 0,
    order,
    stage,
    layer,
    positions: [...new Set(cells.map(([position]) => position))].sort((a, b) => a - b),
    allRows: rows,
    columns: sorted.map(([, column]) => column),
    values: new Map(cells.map(([position, key, value]) => [cell(position, places.get(key) as number), value])),
    half,
    sum,
    heads: layout === 'heads' ? third : undefined,
    elements: ne.reduce((product, length) => product * length, 1),
  };
}

/** Which dimension is the tokens; `last`: one row of several tokens, which is what is computed where only the last one's logits are wanted. */
function layoutOf(ne: PrintedNode['ne'], tokens: number, isByHeads: boolean): 'rows' | 'heads' | 'last' | undefined {
  if (ne[3] !== 1) return undefined;
  if (isByHeads) return ne[1] === tokens ? 'heads' : undefined;
  if (tokens === 1) return 'rows';
  const slowest = ne.findLastIndex((length) => length > 1);
  if (slowest > 0 && ne[slowest] === tokens) return 'rows';
  return slowest === 0 && ne[0] > 1 ? 'last' : undefined;
}
