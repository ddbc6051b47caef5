import { placeKey } from '@llama-probe/dump/stage';
import type { Bug, Variant } from '../bug.js';
import { operationOf, type StageCase, weightName } from '../case.js';
import { canCompute } from '../compute.js';
import { onTheWay } from '../graph/on-the-way.js';
import type { Variation } from '../variation.js';
import { behind, type Stretch, type StretchStage, type Variations, wholeRows } from './stretch.js';

/** A known bug, put into some stages of a stretch. */
export interface Put {
  readonly bug: Bug;
  readonly variations: Variations;
  readonly parameters: NonNullable<Variant['parameters']>;
  /** Where it acts. */
  readonly at: readonly StretchStage[];
  /** Roughly how many multiplications it takes to compute what follows. */
  readonly work: number;
}

/** A stage that the oracle computes. */
type Known = StretchStage & { readonly case: StageCase };

/**
 * The stages that a bug may be in together. A kernel that is wrong is wrong wherever it is called, so first all that it may be in, then those of
 * each layer, then each by itself: a weight, or a call, may be wrong in one place.
 */
export function scopesOf(
  { stages: of }: Pick<Bug, 'variants' | 'stages'>,
  { stages }: Stretch,
  has: (c: StageCase) => boolean,
): Known[][] {
  const all = stages.filter(
    (stage): stage is Known => stage.case !== undefined && canCompute(stage.case) && has(stage.case),
  );
  if (of.length === 0 || all.length === 0) return [];
  const layers = [...new Set(all.map(({ layer }) => layer))].map((layer) => all.filter((one) => one.layer === layer));
  const scopes = [all, ...(layers.length > 1 ? layers : []), ...all.map((one) => [one])];
  const known = new Set<string>();
  return scopes.filter((scope) => {
    const key = scope.map(placeKey).join();
    return !known.has(key) && known.add(key);
  });
}

/** Every form of a bug that needs no search, wherever it may be in a stretch. */
export function formsIn(bug: Bug, stretch: Stretch): Put[] {
  const variants = new Map<StageCase, readonly Variant[]>();
  const variantsOf = (c: StageCase) => {
    const known = variants.get(c) ?? [...bug.variants(c)];
    variants.set(c, known);
    return known;
  };
  return scopesOf(bug, stretch, (c) => variantsOf(c).length > 0).flatMap((scope) => {
    const forms = Math.max(...scope.map((one) => variantsOf(one.case).length));
    return Array.from({ length: forms }, (_, form) => {
      const at = scope.filter((one) => variantsOf(one.case)[form]);
      const [first] = at;
      const parameters = (first && variantsOf(first.case)[form]?.parameters) ?? {};
      const one = put(bug, stretch, at, parameters, (c) => variantsOf(c)[form]?.variation);
      return [one, ...withAllWeighed(one, stretch)];
    }).flat();
  });
}

/**
 * A kernel may loop over the values that a row sees, or over all of them and rely on the softmax for what is hidden: what a wrong mask makes of
 * the values depends on that, so both are tried.
 */
function withAllWeighed(one: Put, stretch: Stretch): Put[] {
  const isOfMask = [...one.variations.values()].some(({ softMax }) => softMax !== undefined);
  const values = stretch.stages.filter(
    (stage): stage is Known =>
      stage.case !== undefined && [...onTheWay(operationOf(stage.case))].some(({ op }) => op === 'values'),
  );
  if (!isOfMask || values.length === 0) return [];
  const weighing = values.map((stage) => {
    const { attention, ...rest } = one.variations.get(placeKey(stage)) ?? {};
    return [placeKey(stage), { ...rest, attention: { ...attention, weighs: 'all' as const } }] as const;
  });
  return [{ ...one, variations: new Map([...one.variations, ...weighing]) }];
}

export function put(
  bug: Bug,
  stretch: Stretch,
  at: readonly Known[],
  parameters: Put['parameters'],
  variation: (c: StageCase) => Variation | undefined,
): Put {
  const variations = new Map(
    at.flatMap((one) => {
      const found = variation(one.case);
      return found ? [[placeKey(one), found] as const] : [];
    }),
  );
  const whole = wholeRows(stretch.stages, variations);
  const work = behind(stretch, at).reduce((sum, one) => {
    const rows = whole.has(placeKey(one)) ? Number.POSITIVE_INFINITY : FEW;
    return sum + workOf(one, rows) * (variations.has(placeKey(one)) ? READ : 1);
  }, 0);
  return { bug, variations, parameters, at, work };
}

/** So many rows a form is tried on first: what one that is not the cause makes of them is elsewhere already. */
export const FEW = 2;

const READ = 8; // a weight that is read in another way is dequantised again

/** Of a product the weight for each row, of experts all of them once; of anything else its rows. */
function workOf({ case: c }: StretchStage, rows: number): number {
  if (!c) return 0;
  const { op, experts = 1 } = operationOf(c);
  const name = op === 'product' || op === 'expert-product' ? weightName(c) : undefined;
  const weight = name === undefined ? undefined : c.model.weight(name);
  if (weight) return weight.rows * weight.columns * Math.min(c.rows, rows, experts > 1 ? 1 : rows);
  return Object.values(c.inputs).reduce((sum, { length }) => sum + length, 0) * 16;
}
