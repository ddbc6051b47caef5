import { operationOf, rowsBehind } from '../../case.js';
import { isInner } from '../../stage-operations.js';
import { filled } from '../filled.js';
import type { Idea } from '../wrong.js';
import type { Grid } from './grid.js';
import { type Called, knownOrder, LONG, listedOrder, type Order, orderOf } from './order.js';
import { within } from './rows.js';
import { columnsAs, sourcesOf } from './vectors.js';

/** More values are not looked up column by column. */
const MOST = 1 << 24;

/** Columns of so few values are the same by chance here and there. */
const FEW_ROWS = 3;

/** Blocks that weights are quantised in, or copied by. */
const BLOCKS = [256, 128, 64, 32, 16, 8];

/** The right values of other columns: of other heads, of other experts, of other blocks, or one by one. */
export function* otherColumns(grid: Grid): Generator<Idea> {
  const { sick, right, width, rows } = grid;
  if (sick.length > MOST) return;
  const sources = sourcesOf(columnsAs(sick, width), columnsAs(right, width), within(grid));
  const least = rows < FEW_ROWS ? LONG : 1;
  const heads = grid.heads > 1 ? [{ size: width / grid.heads, called: named('head', 'heads') }] : [];
  for (const { size, called } of [...heads, ...expertsOf(grid)]) {
    yield* inOrder(orderOf(blockSources(sources, size), called, size >= least ? 1 : least), size);
    yield* withinEach(size, called.one);
  }
  const blocks = BLOCKS.filter((size) => width % size === 0 && size < width);
  yield* inOrder(knownOrder(sources, COLUMNS, least), 1);
  for (const size of blocks) {
    yield* inOrder(knownOrder(blockSources(sources, size), named('block', `blocks of ${size} columns`)), size);
  }
  yield* inOrder(listedOrder(sources, COLUMNS, least), 1);
  for (const size of blocks) yield* withinEach(size, `block of ${size}`);

  function* inOrder(order: Order | undefined, size: number): Generator<Idea> {
    if (!order) return;
    const from = (i: number) => (order.from[Math.floor(i / size)] as number) * size + (i % size);
    yield { text: order.text, rows: moved(right, width, from) };
  }

  function* withinEach(size: number, unit: string): Generator<Idea> {
    const order = size > 2 && size < width ? orderOf(withinBlocks(sources, size), COLUMNS, least) : undefined;
    if (!order) return;
    const from = (i: number) => i - (i % size) + (order.from[i % size] as number);
    yield { text: `in each ${unit} ${order.text}`, rows: moved(right, width, from) };
  }
}

const COLUMNS: Called = { one: 'column', many: 'columns', number: (index) => index };

const named = (one: string, many: string): Called => ({ one, many, number: (index) => index });

/** Where a row has what each chosen expert makes, one after another. */
function expertsOf({ c, width, rows }: Grid): { size: number; called: Called }[] {
  const { op, inputs } = operationOf(c);
  const [, weights] = inputs;
  const [behind] = op !== 'weighted' || !weights ? [] : isInner(weights) ? rowsBehind(weights) : [weights];
  const count = behind ? (c.inputs[behind.stage]?.length ?? 0) / rows : 1;
  return count > 1 && width % count === 0 ? [{ size: width / count, called: named('expert', 'experts') }] : [];
}

/** Which block each block may be: that one whose columns all of its columns may be. */
function blockSources(sources: readonly (readonly number[])[], size: number): number[][] {
  return Array.from({ length: sources.length / size }, (_, block) => {
    const [first = []] = sources.slice(block * size);
    const starts = first.filter((source) => source % size === 0);
    return starts
      .filter((start) =>
        Array.from({ length: size }, (_, i) => i).every((i) => sources[block * size + i]?.includes(start + i)),
      )
      .map((start) => start / size);
  });
}

/** Which column of its block each column may be, the same in all blocks. */
function withinBlocks(sources: readonly (readonly number[])[], size: number): number[][] {
  return Array.from({ length: size }, (_, i) => {
    const blocks = Array.from({ length: sources.length / size }, (_, block) => block * size);
    return (sources[i] ?? []).filter(
      (source) => source < size && blocks.every((start) => sources[start + i]?.includes(start + source)),
    );
  });
}

/** Each value from another column of its row. */
const moved = (right: ArrayLike<number>, width: number, columnOf: (column: number) => number): Float64Array =>
  filled(right.length, (i) => right[i - (i % width) + columnOf(i % width)] as number);
