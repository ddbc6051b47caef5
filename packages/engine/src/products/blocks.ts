import type { AdapterInfo } from '../adapter/index.js';
import type { WeightType } from '../weight-types.js';
import type { Block } from './kernel.js';

/** How many tokens a product has, as far as it matters for how it is best cut. */
export const TOKEN_CLASSES = ['1', '2-4', '5-8', '9-32', 'more'] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

export function classOf(tokens: number): TokenClass {
  const [one, few, some, many, more] = TOKEN_CLASSES;
  if (tokens === 1) return one;
  if (tokens <= 4) return few;
  if (tokens <= 8) return some;
  return tokens <= 32 ? many : more;
}

/** Products alike: of a type and a class. */
export type Key = `${WeightType} ${TokenClass}`;

/** The blocks that were measured to be the fastest, by type and class (measure.ts). */
export type Measured = ReadonlyMap<Key, Block>;

/** Products of so many multiplications. */
export interface Work {
  readonly type: WeightType;
  readonly tokens: number;
  readonly multiplications: number;
}

/** How many multiplications were asked for, in all runs. */
export type Asked = Map<Key, number>;

/** Adds what is to come. */
export function ask(asked: Asked, coming: readonly Work[]): void {
  for (const { type, tokens, multiplications } of coming) {
    const key: Key = `${type} ${classOf(tokens)}`;
    asked.set(key, (asked.get(key) ?? 0) + multiplications);
  }
}

const block = (rows: number, tokens: number): Block => ({ rows, tokens });

/**
 * What is tried on CPU adapters, and first what is taken where nothing was measured: the fastest on a CPU with 32 vector registers. With 16 of them
 * large blocks may be slower than small ones.
 */
export const CANDIDATES: Readonly<Record<TokenClass, readonly [Block, ...Block[]]>> = {
  '1': [block(8, 1), block(4, 1), block(16, 1)],
  '2-4': [block(8, 4), block(4, 4), block(16, 4)],
  '5-8': [block(16, 8), block(8, 8), block(8, 4), block(4, 8)],
  '9-32': [block(16, 8), block(8, 8), block(8, 4), block(4, 8)],
  more: [block(16, 8), block(8, 8), block(8, 4), block(4, 8)],
};

/** Products of so many multiplications repay what a block of their own takes to compile on Mesa: up to 1.6 s, that of SMALL 0.3 s. */
const LARGE = 2 ** 26;
const SMALL = block(8, 4);
const ONE = block(8, 1);

/** As long as no more are asked for, Mesa's compiler is what is waited for: of two rows it takes 0.1 s, of eight 0.25 to 0.4 s. */
const FEW = 2 ** 29;
const FEW_ROWS = 2;

/** The block of a product, of which there may be several in a row of tokens. */
export function blockOf(
  kind: AdapterInfo['kind'],
  { type, rows, columns }: { readonly type: WeightType; readonly rows: number; readonly columns: number },
  tokens: number,
  measured: Measured,
  asked: ReadonlyMap<Key, number> = new Map(),
): Block {
  const of = classOf(tokens);
  const key: Key = `${type} ${of}`;
  if ((asked.get(key) ?? FEW) < FEW) {
    return { ...blockOf(kind, { type, rows, columns }, tokens, measured), rows: FEW_ROWS };
  }
  if (of !== '1' && rows * columns * tokens < LARGE) return tokens === 2 ? ONE : SMALL; // two one by one: decoding compiles that anyway
  if (of !== '1' && kind === 'lavapipe') return SMALL; // which takes four seconds to compile a large one
  return measured.get(key) ?? CANDIDATES[of][0];
}
