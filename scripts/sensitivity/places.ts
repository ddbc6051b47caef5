import { type Place, STAGES } from '@llama-probe/dump';

/** Every place of a model where an error can be: the stages of each layer, and those of the model. */
export function placesOf(layers: number): Place[] {
  const every = Array.from({ length: layers }, (_, layer) => layer);
  return STAGES.flatMap(({ name, perLayer }) =>
    (perLayer ? every : [null]).map((layer): Place => ({ stage: name, layer })),
  );
}

/** The token whose row is made wrong at the place of a number: never the first token at every other place, which is blind to positions. */
export function tokenAt(place: number, tokens: number): number {
  const turn = Math.floor(place / 2);
  return place % 2 === 0 ? turn % tokens : 1 + (turn % (tokens - 1));
}

/** 1 and 3 times powers of ten, up to 1. f32 itself rounds by 6e-8. */
export const SIZES: readonly number[] = [-7, -6, -5, -4, -3, -2, -1]
  .flatMap((exponent) => [Number(`1e${exponent}`), Number(`3e${exponent}`)])
  .concat(1);
