import {
  type Adapter,
  type Block,
  blockKernel,
  candidatesOf,
  choosing,
  createMulMat,
  type MulMat,
  prefersTextures,
  TOKEN_CLASSES,
  WEIGHT_TYPES,
  type WeightType,
} from '@llama-probe/engine/internal';
import { blockCase, type Case, PRODUCT_TOLERANCE, runCase } from '@llama-probe/testing/kernels';
import { rounds } from './rounds.js';
import { counted, type Found, type Given, type Section } from './section.js';
import { type Outcome, suspects } from './suspects.js';

type Family = 'cpu' | 'gpu';
type Shape = Omit<Case, 'type'>;
interface Product {
  readonly family: Family;
  readonly test: Case;
  /** Another than the adapter's usual one. */
  readonly block?: Block;
}

/** Every type of weight at several numbers of tokens. */
export const products: Section = {
  name: 'products',
  does: 'matrix products of every weight type, at several numbers of tokens, beside float64',
  seconds: 170,
  isCompiledFast: true,
  run: checkProducts,
};

const TYPES = Object.keys(WEIGHT_TYPES) as WeightType[];

// One token, some, and many; rows in and past one workgroup; several slices; one block and two.
const SHAPES: readonly Shape[] = [
  { rows: 67, columns: 512, tokens: 1, sliceRows: 40 },
  { rows: 131, columns: 256, tokens: 5, sliceRows: 64 },
  { rows: 67, columns: 256, tokens: 3 },
  { rows: 67, columns: 256, tokens: 65 },
];
/** Off the edges of what a workgroup computes, the largest kernel, and long rows. */
const MORE: readonly Shape[] = [
  { rows: 515, columns: 2048, tokens: 65, sliceRows: 510 },
  { rows: 1, columns: 256, tokens: 33 },
  { rows: 64, columns: 256, tokens: 64 },
  { rows: 65, columns: 256, tokens: 2 },
  { rows: 9, columns: 256, tokens: 512 },
  { rows: 20, columns: 5632, tokens: 1 },
  { rows: 10, columns: 256, tokens: 4, sliceRows: 1 },
];
/** Rows that are no multiple of 32, which only unquantised types have. */
const ODD: readonly Shape[] = [1, 33, 255].flatMap((columns) =>
  [1, 5].map((tokens) => ({ rows: 10, columns, tokens })),
);

const of = (family: Family, type: WeightType, shapes: readonly Shape[]): Product[] =>
  shapes.map((shape) => ({ family, test: { type, ...shape } }));

/** The blocks that may turn out to be faster on the adapter than its usual ones. */
const otherBlocks = (info: Adapter): Product[] =>
  TOKEN_CLASSES.flatMap((of) =>
    candidatesOf(info, of)
      .slice(1)
      .map((block) => ({ family: info.class, test: blockCase(of), block })),
  );

/** What the engine uses on such an adapter comes first, then what it uses on others. */
export function productsFor(info: Adapter): Product[] {
  const { class: family } = info;
  const other = family === 'cpu' ? 'gpu' : 'cpu';
  const [floats, quants] = [TYPES.filter(isFloat), ['Q8_0', 'Q4_K', 'Q4_0'] as const];
  return [
    ...rounds(TYPES.map((type) => of(family, type, SHAPES))),
    ...floats.flatMap((type) => of(family, type, ODD)),
    ...quants.flatMap((type) => of(family, type, MORE)),
    ...otherBlocks(info),
    ...rounds(TYPES.map((type) => of(other, type, SHAPES.slice(0, 2)))),
  ];
}

const isFloat = (type: WeightType) => WEIGHT_TYPES[type].elements === 1;

async function checkProducts({ opened, random, until, say }: Given): Promise<Found> {
  const { info } = opened.now;
  const all = productsFor(info);
  const unseen = new Set(TYPES);
  const outcomes: Outcome[] = [];
  let worst = { relative: 0, of: '' };
  let done = 0;
  let device = opened.now.device;
  const families = new Map<Family, MulMat>();
  for (const { family, test, block } of all) {
    if (Date.now() > until) break;
    done++;
    const adapter = { ...info, class: family };
    // Of a kernel made for so many rows and tokens, the name begins with its file.
    const choose = block ? () => blockKernel(block, test.tokens) : choosing(adapter);
    const adds = choose(test, test.tokens).name.split(' ')[0] as string;
    const title = `${test.type} × ${counted(test.tokens, 'token')}, ${test.rows} × ${test.columns}`;
    say(`${done} of ${all.length} products, ${title}, ${adds}`);
    const problem = await opened.try(async (now) => {
      if (now.device !== device) families.clear();
      device = now.device;
      const mulMat = (!block && families.get(family)) || createMulMat(device, adapter, choose);
      if (!block) families.set(family, mulMat);
      const isInTexture = family === 'cpu' && prefersTextures(info);
      const { relative } = await runCase(device, mulMat, { ...test, isInTexture }, random);
      if (relative > worst.relative) worst = { relative, of: title };
      return relative < PRODUCT_TOLERANCE
        ? undefined
        : `off by ${relative.toExponential(1)}, limit ${PRODUCT_TOLERANCE}`;
    });
    unseen.delete(test.type);
    const shaders = { reads: WEIGHT_TYPES[test.type].shader, adds };
    outcomes.push({ ...shaders, problem: problem && `${title}: ${problem}` });
  }
  const cut = done < all.length ? `; ${all.length - done} of ${all.length} left out, for want of time` : '';
  const numbers = { types: TYPES.length, products: done, ofProducts: all.length, worst: worst.relative };
  const wrong = suspects(outcomes);
  if (wrong.length > 0) {
    return {
      verdict: 'wrong',
      line: `${outcomes.filter(({ problem }) => problem).length} of ${done} products wrong${cut}`,
      wrong,
      numbers,
    };
  }
  if (unseen.size > 0) {
    const line = `${counted(unseen.size, 'weight type')} of ${TYPES.length} not looked at, for want of time; the others are right`;
    return { verdict: 'untold', line, wrong: [], numbers };
  }
  const line = `all ${TYPES.length} weight types right in ${done} products; the worst is off by ${worst.relative.toExponential(1)}, limit ${PRODUCT_TOLERANCE} (${worst.of})${cut}`;
  return { verdict: 'right', line, wrong: [], numbers };
}
