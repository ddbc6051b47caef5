import { operationOf, type StageCase } from '../../case.js';
import { yarnMagnitude } from '../../yarn.js';
import { digits } from '../words.js';
import type { Quantity } from './quantities.js';

/** A number that somebody would have written, or computed from the model's own. */
export interface Form {
  /** @example '√(n_embd)' */
  readonly formula: string;
  readonly value: number;
  /** 0 for a plain number, 1 for one quantity by itself, 2 for what is made of two numbers. */
  readonly tier: 0 | 1 | 2;
  /** What it comes of, where it comes of one thing only. */
  readonly meaning?: string;
}

/** A formula that is a number already. */
const IS_NUMBER = /^−?\d+$/;

/** A formula with its number. That of the model may be there by chance where it is a simple one. @example '√n_embd = 45.25483' */
export function withValue({ formula, value, tier }: Form): string {
  if (IS_NUMBER.test(formula)) return formula;
  return tier > 0 && isSimple(value) ? `${digits(value)} (${formula} here)` : `${formula} = ${digits(value)}`;
}

const PLAIN: readonly (readonly [string, number])[] = [
  ['0', 0],
  ['1', 1],
  ['−1', -1],
  ['2', 2],
  ['1/2', 1 / 2],
  ['−2', -2],
  ['−1/2', -1 / 2],
  ['4', 4],
  ['1/4', 1 / 4],
  ['3', 3],
  ['1/3', 1 / 3],
  ['√2', Math.SQRT2],
  ['1/√2', Math.SQRT1_2],
  ['log₂(e)', Math.LOG2E],
  ['ln(2)', Math.LN2],
];

/** What steps of 4, 5 and 8 bits are divided by. */
const STEPS: readonly (readonly [number, number])[] = [
  [7, 8],
  [15, 16],
  [127, 128],
  [255, 256],
];

/** Every form that a constant of a stage may have. */
export function formsOf(c: StageCase, quantities: readonly Quantity[]): Form[] {
  const plain = PLAIN.map(([formula, value]) => ({ formula, value, tier: 0 as const }));
  const single = quantities.flatMap(({ name, value: n, meaning }) =>
    [
      { formula: name, value: n },
      { formula: `1/${name}`, value: 1 / n },
      { formula: `√${name}`, value: Math.sqrt(n) },
      { formula: `1/√${name}`, value: 1 / Math.sqrt(n) },
    ].map((form) => ({ ...form, tier: 1 as const, ...(meaning === undefined ? {} : { meaning }) })),
  );
  const beside = quantities.filter(({ value }) => value > 2).flatMap((quantity) => neighbours(c, quantity));
  const pairs = quantities.flatMap((a) => quantities.filter((b) => b !== a).flatMap((b) => ratios(a, b)));
  const made = [...beside, ...pairs].filter(({ value }) => !isSimple(value));
  const steps = STEPS.flatMap(([a, b]) => [
    { formula: `${a}/${b}`, value: a / b, tier: 2 as const },
    { formula: `${b}/${a}`, value: b / a, tier: 2 as const },
  ]);
  return [...plain, ...single, ...yarn(c), ...made, ...steps];
}

/** So large the parts of a fraction may be that somebody writes as it is. */
const SIMPLE = 32;

/** Whether a number is a simple fraction, or has two decimals: then it is hardly made of two numbers of the model. @example isSimple(2 / 3) // true */
function isSimple(value: number): boolean {
  const isWhole = (x: number) => Math.abs(x - Math.round(x)) < 1e-6;
  for (let below = 1; below <= SIMPLE; below++) if (isWhole(value * below) && value * below < SIMPLE + 0.5) return true;
  return isWhole(100 * value);
}

/** n − 1 for n, or the other way. */
function neighbours(c: StageCase, { name, value: n }: Quantity): Form[] {
  const isMean = operationOf(c).op === 'rms-norm';
  const form = (formula: string, value: number, meaning?: string): Form => ({
    ...{ formula, value, tier: 2 },
    ...(meaning === undefined ? {} : { meaning }),
  });
  return [
    form(`(${name} − 1)/${name}`, (n - 1) / n),
    form(`${name}/(${name} − 1)`, n / (n - 1)),
    form(
      `√((${name} − 1)/${name})`,
      Math.sqrt((n - 1) / n),
      isMean ? `a mean over ${n - 1} in place of ${n}` : undefined,
    ),
    form(`√(${name}/(${name} − 1))`, Math.sqrt(n / (n - 1))),
  ];
}

const ratios = (a: Quantity, b: Quantity): Form[] => [
  { formula: `${a.name}/${b.name}`, value: a.value / b.value, tier: 2 },
  { formula: `√(${a.name}/${b.name})`, value: Math.sqrt(a.value / b.value), tier: 2 },
];

function yarn(c: StageCase): Form[] {
  const { ropeYarn, ropeFreqScale } = c.model.config;
  if (operationOf(c).op !== 'rope' || !ropeYarn || ropeFreqScale === 1) return [];
  const own = yarnMagnitude(ropeYarn, ropeFreqScale);
  const formula = `1 + 0.1 ln ${Number((1 / ropeFreqScale).toPrecision(7))}`;
  const form = (formula: string, value: number, meaning: string): Form => ({ formula, value, tier: 1, meaning });
  return [
    form(`1/(${formula})`, 1 / own, "YaRN's magnitude is left out"),
    form(formula, own, "YaRN's magnitude once more"),
  ];
}
