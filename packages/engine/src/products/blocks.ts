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

/** The fastest of so many blocks. */
export interface Fastest extends Block {
  readonly of: number;
}

/** The blocks that were measured to be the fastest, by type and class (measure.ts). */
export type Measured = ReadonlyMap<Key, Fastest>;

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
 * What is tried on llvmpipe, whose vectors are those of the CPU: with 16 registers for them, large blocks may be slower than small ones. Where nothing was
 * measured, it has the first, which is never far from the fastest and compiles in half the time of the last.
 */
export const CANDIDATES: Readonly<Record<TokenClass, readonly [Block, Block, Block]>> = {
  '1': [block(8, 1), block(4, 1), block(16, 1)],
  '2-4': [block(8, 4), block(4, 4), block(16, 4)],
  '5-8': [block(8, 8), block(8, 4), block(16, 8)],
  '9-32': [block(8, 8), block(8, 4), block(16, 8)],
  more: [block(8, 8), block(8, 4), block(16, 8)],
};

/** Two adapters have the same everywhere: SwiftShader, whose vectors are the same on each CPU, the fastest; lavapipe what compiles in a second, since a large one takes it four. */
const FIXED: Readonly<Partial<Record<AdapterInfo['kind'], Readonly<Record<TokenClass, Block>>>>> = {
  swiftshader: { '1': block(4, 1), '2-4': block(16, 4), '5-8': block(16, 8), '9-32': block(16, 8), more: block(16, 8) },
  lavapipe: { '1': block(8, 1), '2-4': block(8, 4), '5-8': block(8, 4), '9-32': block(8, 4), more: block(8, 4) },
};

/** Whether there is anything to choose from. */
export const isMeasured = ({ class: family, kind }: Pick<AdapterInfo, 'class' | 'kind'>): boolean =>
  family === 'cpu' && !FIXED[kind];

/** So many multiplications, which llvmpipe does in a second, repay trying out what compiles in that; and so many the last of the candidates too. */
const WORTH = 2 ** 34;
const WORTH_THE_LAST = 2 ** 37;

/** What to try out for so many multiplications, if anything. */
export function candidatesFor(of: TokenClass, multiplications: number): readonly Block[] {
  if (multiplications < WORTH) return [];
  return CANDIDATES[of].slice(0, of === '1' || multiplications >= WORTH_THE_LAST ? 3 : 2);
}

/** As long as no more are asked for, Mesa's compiler is what is waited for: of two rows it takes 0.1 to 0.2 s, of eight 0.2 to 0.5 s. */
const FEW = 2 ** 29;
const FEW_ROWS = 2;

/** The block of a product, of which there may be several in a row of tokens. */
export function blockOf(
  kind: AdapterInfo['kind'],
  type: WeightType,
  tokens: number,
  measured: Measured,
  asked: ReadonlyMap<Key, number>,
): Block {
  const of = classOf(tokens);
  const key: Key = `${type} ${of}`;
  const fastest = FIXED[kind]?.[of] ?? measured.get(key) ?? CANDIDATES[of][0];
  return (asked.get(key) ?? FEW) < FEW ? { ...fastest, rows: FEW_ROWS } : fastest;
}
