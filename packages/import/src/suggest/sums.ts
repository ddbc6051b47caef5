import { type Graph, type Place, placeKey } from '@llama-probe/dump/stage';
import { showShape } from '../array.js';
import { patternsOf } from './layer-in-name.js';
import { MARGIN, type Measured, MOST, measured, sumError } from './likeness.js';
import type { Believed, Sketch } from './sketch.js';

/** Three rows of which one is the sum of the two others. */
interface Hit<Summand, Sum> {
  readonly of: readonly [Summand, Summand];
  readonly is: Sum;
  /** ‖a + b − sum‖ to the smallest of the three, and to the sum. */
  readonly error: number;
  readonly rel: number;
}

/** Two arrays whose sum is a stage. */
export type SumOfArrays = Hit<Sketch, Believed>;
/** An array that is the sum of two stages. */
export type SumOfStages = Hit<Believed, Sketch>;

/** More nameless arrays than a person dumps: of more, no pairs are tried. */
const MOST_NAMELESS = 400;

/**
 * The pairs of arrays whose sum is a stage, such as the parts that two ranks compute. Both names have the number of the stage's layer, or neither has any. One of the two at
 * least is no stage by itself: what an engine adds to the residual stream and that stream are stages of their own, and their sum need not be what the engine has there.
 *
 * @param isStage whether an array is a stage by itself
 */
export function sumsOfArrays(
  arrays: readonly (readonly Sketch[])[],
  stages: readonly Believed[],
  isStage: (sketch: Sketch) => boolean,
): readonly SumOfArrays[] {
  const sized = new Map(arrays.flat().map((sketch) => [sketch, measured(sketch.last)]));
  const hits: SumOfArrays[] = [];
  for (const stage of stages) {
    const sum = measured(stage.last);
    for (const group of groupsAt(arrays, stage.place)) {
      for (const [i, one] of group.entries()) {
        for (const other of group.slice(i + 1)) {
          const [a] = one;
          const [b] = other;
          if (!a || !b || showShape(a.array.shape) !== showShape(b.array.shape) || (isStage(a) && isStage(b))) continue;
          for (const [way, sketch] of one.entries()) {
            const added = other[way];
            if (!added || sketch.last.length !== stage.last.length) continue;
            const near = nearness(of(sized, sketch), of(sized, added), sum);
            if (near) hits.push({ of: [sketch, added], is: stage, ...near });
          }
        }
      }
    }
  }
  const pair = ({ of: both }: SumOfArrays) => both.map(({ array }) => array.name).join('\0');
  return clear(hits, pair, ({ is }) => placeKey(is.place));
}

/** Arrays whose names say that they are of the layer, as it may be counted, and those whose names say nothing. */
function groupsAt(arrays: readonly (readonly Sketch[])[], { layer }: Place): (readonly Sketch[])[][] {
  const named = (number: number) =>
    arrays.filter(([sketch]) => sketch && patternsOf(sketch.array.name, number).length > 0);
  const nameless = arrays.filter(([sketch]) => sketch && !/\d/.test(sketch.array.name));
  const ofLayer = layer === null ? [] : [named(layer), named(layer + 1)];
  return [...ofLayer, ...(nameless.length <= MOST_NAMELESS ? [nameless] : [])];
}

/** The arrays that may be the sum of two stages of one layer, or of one and the one before it. */
export function sumsOfStages(sketches: readonly Sketch[], stages: readonly Believed[]): readonly SumOfStages[] {
  const sized = new Map(stages.map((stage) => [stage, measured(stage.last)]));
  const hits: SumOfStages[] = [];
  for (const sketch of sketches) {
    const sum = measured(sketch.last);
    const alike = stages.filter(({ last }) => last.length === sketch.last.length);
    for (const [i, one] of alike.entries()) {
      for (const other of alike.slice(i + 1)) {
        if (!areNear(one.place, other.place)) continue;
        const near = nearness(of(sized, one), of(sized, other), sum);
        if (near) hits.push({ of: [one, other], is: sketch, ...near });
      }
    }
  }
  return hits;
}

/** Those of them of which there is no doubt which two they are. */
export function clearSums(sums: readonly SumOfStages[]): readonly SumOfStages[] {
  const pair = ({ of: both }: SumOfStages) => both.map(({ place }) => placeKey(place)).join('\0');
  return clear(sums, pair, ({ is }) => is.array.name);
}

function nearness(a: Measured, b: Measured, sum: Measured): Pick<Hit<unknown, unknown>, 'error' | 'rel'> | undefined {
  const error = sumError(a, b, sum, MOST.sum * MARGIN);
  if (!(error <= MOST.sum * MARGIN)) return undefined;
  return { error, rel: (error * Math.min(a.size, b.size, sum.size)) / sum.size };
}

const areNear = (a: Place, b: Place): boolean =>
  a.layer === null || b.layer === null || Math.abs(a.layer - b.layer) <= 1;

const of = <K>(sized: ReadonlyMap<K, Measured>, key: K): Measured => sized.get(key) as Measured;

/** The stage that is the sum of two others and nothing more, by the model's own graph. */
export const stageThatAdds = (graph: Graph | undefined, [a, b]: readonly [Place, Place]): Place | undefined => {
  const wanted = [placeKey(a), placeKey(b)].sort().join();
  const found = graph?.stages.filter(
    ({ op, inputs, through }) => op === 'ADD' && !through && inputs.map(placeKey).sort().join() === wanted,
  );
  const [only] = found ?? [];
  return only && found?.length === 1 ? { stage: only.stage, layer: only.layer } : undefined;
};

/** Those beside which no other pair and no other sum is nearly as near. */
function clear<H extends { readonly error: number }>(
  hits: readonly H[],
  pairOf: (hit: H) => string,
  sumOf: (hit: H) => string,
): readonly H[] {
  return hits.filter((hit) => {
    const [pair, sum] = [pairOf(hit), sumOf(hit)];
    const isBest = hits.every((other) => {
      const [isPair, isSum] = [pairOf(other) === pair, sumOf(other) === sum];
      if (isPair === isSum) return !isPair || other === hit || other.error >= hit.error;
      return other.error >= Math.max(hit.error, 1e-7) * MARGIN;
    });
    return isBest && hit.error <= MOST.sum;
  });
}
