import type { Graph, Heads } from './graph.js';
import { type Place, placeKey } from './place.js';
import { isInVocabulary, llamaGraph } from './vocabulary.js';

/**
 * A model's graph as that of a Llama, if it is one: whatever an architecture is called, what is known of a Llama is then known of it.
 *
 * @param graph read from the model @returns undefined where it has other stages of the vocabulary, or computes one from something else
 */
export function asLlama(graph: Graph, heads: Heads = {}): Graph | undefined {
  const own = graph.within(({ stage }) => isInVocabulary(stage));
  const llama = llamaGraph({ layers: own.layers, ...heads }, true);
  if (own.stages.length !== llama.stages.length) return undefined;
  const isSame = llama.stages.every((wanted) => {
    const found = own.at(wanted);
    if (!found || found.cached?.stage !== wanted.cached?.stage || !sameKeys(found.inputs, wanted.inputs)) return false;
    // A product may be the sum with its bias, or lie in another order.
    if (wanted.op === 'MUL_MAT') return (found.through ?? []).every((op) => op === 'MUL_MAT');
    const isSoftMax = wanted.op === 'SOFT_MAX';
    return found.op === wanted.op && !found.through && !(isSoftMax && (found.weights || found.mask === 'other'));
  });
  return isSame ? llama : undefined;
}

const sameKeys = (some: readonly Place[], others: readonly Place[]): boolean =>
  some.map(placeKey).sort().join() === others.map(placeKey).sort().join();
