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

/** What an adapter's blocks depend on. */
export interface Adapter extends Pick<AdapterInfo, 'class' | 'kind' | 'subgroupMinSize'> {
  readonly limits: Pick<AdapterInfo['limits'], 'maxComputeInvocationsPerWorkgroup'>;
}

type ByClass<T> = Readonly<Record<TokenClass, readonly T[]>>;

/** Of a CPU adapter, where a large block of tokens is of eight: for one token, for two to four, and for more. */
const onCpu = <T>(one: readonly T[], few: readonly T[], more: readonly T[]): ByClass<T> => ({
  '1': one,
  '2-4': few,
  '5-8': more,
  '9-32': more,
  more,
});
const block = (rows: number, tokens: number): Block => ({ rows, tokens });

/**
 * Of llvmpipe, whose vectors are those of the CPU: with 16 registers for them, large blocks may be slower than small ones. The first is never far from the
 * fastest and compiles in half the time of the last.
 */
const LLVMPIPE = onCpu(
  [block(8, 1), block(4, 1), block(16, 1)],
  [block(8, 4), block(4, 4), block(16, 4)],
  [block(8, 8), block(8, 4), block(16, 8)],
);
/** SwiftShader's vectors are the same on each CPU, and so is the fastest. */
const SWIFTSHADER = onCpu([block(4, 1)], [block(16, 4)], [block(16, 8)]);
/** lavapipe takes four seconds to compile a large one. */
const LAVAPIPE = onCpu([block(8, 1)], [block(8, 4)], [block(8, 4)]);

/** Of a GPU, which decide its subgroups and how many threads a workgroup may have. */
function ofGpu({ limits, subgroupMinSize = 0 }: Adapter): ByClass<Block> {
  const rows = (count: number, tokens: number): Block => ({ rows: count, tokens, by: 'workgroup' });
  const threads = Math.min(subgroupMinSize, 64);
  const subgroup = (count: number, tokens: number): Block[] =>
    threads > 1 ? [{ rows: count, tokens, by: 'subgroup', threads }] : [];
  /** Four threads a token, and at compatibility level there may be 128. */
  const tile = (tokens: number): Block[] =>
    4 * tokens <= limits.maxComputeInvocationsPerWorkgroup ? [{ rows: 64, tokens, by: 'tile' }] : [];
  return {
    '1': [rows(4, 1), ...subgroup(4, 1), ...subgroup(2, 1), rows(2, 1)],
    '2-4': [rows(4, 4), ...subgroup(4, 4), ...subgroup(2, 4), rows(2, 4)],
    '5-8': [rows(4, 8), ...tile(16), ...subgroup(4, 8), ...subgroup(2, 8)],
    '9-32': [...tile(32), ...tile(16), rows(4, 8)],
    more: [...tile(64), ...tile(32), rows(4, 8)],
  };
}

/** What may be taken for so many tokens, and first what is where nothing was measured. */
export function candidatesOf(adapter: Adapter, of: TokenClass): readonly Block[] {
  if (adapter.class === 'gpu') return ofGpu(adapter)[of];
  return { swiftshader: SWIFTSHADER, lavapipe: LAVAPIPE, llvmpipe: LLVMPIPE, gpu: LLVMPIPE }[adapter.kind][of];
}

/** So many multiplications repay trying out what llvmpipe compiles in the second that it takes for them; and so many the last of the candidates too. */
const WORTH = 2 ** 34;
const WORTH_THE_LAST = 2 ** 37;
/** A GPU does so many in a tenth of a second, and takes up to one to compile all of its candidates, once. */
const WORTH_OF_GPU = 2 ** 35;

/** What to try out for so many multiplications, if anything. */
export function worthTrying(adapter: Adapter, of: TokenClass, multiplications: number): readonly Block[] {
  const all = candidatesOf(adapter, of);
  const isGpu = adapter.class === 'gpu';
  if (all.length === 1 || multiplications < (isGpu ? WORTH_OF_GPU : WORTH)) return [];
  return isGpu || multiplications >= WORTH_THE_LAST ? all : all.slice(0, -1);
}

/** So many rows, where fewer multiplications than that are asked for: a block of more takes longer to compile than it saves of them. */
interface Fewer {
  readonly rows: number;
  readonly below: number;
}
const fewer = (rows: number, exponent: number): Fewer => ({ rows, below: 2 ** exponent });

/** Of 2, 4 and 8 rows and 8 tokens, Mesa compiles in 0.2, 0.3 and 0.6 s, and computes in 0.08, 0.06 and 0.045 ns a multiplication, on the machine of docs/benchmarks.md. */
const FEWER_ON_MESA = onCpu([fewer(2, 29), fewer(4, 32)], [fewer(2, 30), fewer(4, 33)], [fewer(2, 32), fewer(4, 34)]);
/** SwiftShader, of 2, 4, 8 and 16 rows, in 0.25, 0.33, 0.6 and 1.4 s, and in 0.9, 0.6, 0.4 and 0.3 ns. */
const SEVERAL_ON_SWIFTSHADER = [fewer(2, 28), fewer(4, 30), fewer(8, 33)];
const FEWER_ON_SWIFTSHADER = onCpu([fewer(2, 28)], SEVERAL_ON_SWIFTSHADER, SEVERAL_ON_SWIFTSHADER);

/** The block of a product, of which there may be several in a row of tokens. */
export function blockOf(
  adapter: Adapter,
  type: WeightType,
  tokens: number,
  measured: Measured,
  asked: ReadonlyMap<Key, number>,
): Block {
  const of = classOf(tokens);
  const key: Key = `${type} ${of}`;
  const fastest = measured.get(key) ?? (candidatesOf(adapter, of)[0] as Block);
  if (adapter.class === 'gpu') return fastest;
  const work = asked.get(key) ?? Number.POSITIVE_INFINITY;
  const all = adapter.kind === 'swiftshader' ? FEWER_ON_SWIFTSHADER : FEWER_ON_MESA;
  const { rows } = all[of].find(({ below }) => work < below) ?? fastest;
  return { ...fastest, rows };
}
