import type { ForeignArray } from '../array.js';
import type { ModelFacts } from './placed.js';

/**
 * What all names together say of the model. Whether Gemma's embedding was scaled is seen from its numbers.
 *
 * @param modelLayers how many the model has, if that is known
 */
export async function factsOf(arrays: readonly ForeignArray[], modelLayers?: number): Promise<ModelFacts> {
  let layers = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const { name } of arrays) {
    const layer = /(?:^|[._/-])(?:layers?|blk|blocks?)[._-]?(\d+)/.exec(name)?.[1] ?? /-(\d+)$/.exec(name)?.[1];
    if (layer === undefined) continue;
    layers = Math.max(layers, Number(layer) + 1);
    least = Math.min(least, Number(layer));
  }
  const isSandwich = arrays.some(({ name }) => name.includes('pre_feedforward_layernorm'));
  const firstLayer = least > 0 && modelLayers !== undefined && layers === modelLayers + 1 ? 1 : 0;
  return { layers, firstLayer, isSandwich, embeddingIsScaled: isSandwich ? await isScaled(arrays) : false };
}

/** Whether what `embed_tokens` puts out is what enters the first layer; null where one of them is not there. */
async function isScaled(arrays: readonly ForeignArray[]): Promise<boolean | null> {
  const find = (pattern: RegExp) => arrays.find(({ name }) => pattern.test(name));
  const made = find(/(^|\.)embed_tokens([._]outputs?)?$/);
  const entered = find(/(^|\.)layers\.0(\.input_layernorm)?[._]inputs?([._]args_0|[._]kwargs_hidden_states)?$/);
  if (!made || !entered) return null;
  const [a, b] = await Promise.all([made.read(), entered.read()]);
  return Buffer.compare(a, b) === 0;
}
