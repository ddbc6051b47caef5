import type { Bug } from './bug.js';
import { LAYOUT_BUGS } from './bugs/layout.js';
import { QUANT_BUGS } from './bugs/quant.js';
import type { CaseWeight, StageCase } from './case.js';
import { weightReader } from './variants/weight.js';

/** A way of dequantising a tensor that somebody has had in his code: a bug of the catalogue in one of its forms. */
export interface KnownReading {
  readonly bug: Pick<Bug, 'id' | 'title' | 'look'>;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** The weight at (row, column), as it is read so. */
  at(row: number, column: number): number;
}

/** What of a product's variation is of its weight alone. */
const OF_THE_WEIGHT: readonly string[] = ['type', 'reading', 'walk', 'group'];

/**
 * Every known way to misread a tensor: its blocks, or where they are.
 *
 * @example knownReadings(weight).map(({ bug }) => bug.id) // 'nibble-order', 'k-quant-scales', …
 */
export function knownReadings(weight: CaseWeight): KnownReading[] {
  const c = caseOfWeight(weight);
  return [...QUANT_BUGS, ...LAYOUT_BUGS].flatMap((bug) =>
    [...bug.variants(c)].flatMap(({ variation, parameters = {} }): KnownReading[] => {
      const { product } = variation;
      if (!product || !Object.keys(product).every((key) => OF_THE_WEIGHT.includes(key))) return [];
      return [{ bug, parameters, at: weightReader(weight, product) }];
    }),
  );
}

/** The embedding of one token from this weight: a bug of reading it needs nothing else. */
function caseOfWeight(weight: CaseWeight): StageCase {
  const config = { embeddingLength: weight.columns, headCount: 1, headCountKv: 1, headDim: weight.columns };
  return {
    stage: 'embd',
    layer: null,
    step: 0,
    tokens: [0],
    firstPosition: 0,
    rows: 1,
    inputs: {},
    model: {
      config: { ...config, rmsEpsilon: 0, ropeFreqBase: 1, ropeFreqScale: 1, attentionScale: 1 },
      layers: 1,
      weight: () => weight,
    },
  };
}
