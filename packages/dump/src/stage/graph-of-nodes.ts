import { Graph, type GraphStage, type Heads } from './graph.js';
import type { NodeOperation } from './node-operation.js';
import { type Place, placeKey } from './place.js';
import { rowOfStage } from './vocabulary.js';

/**
 * The stages of a model by llama.cpp's own graph of it.
 *
 * @param isStage whether a run has the rows of a place: what it does not have is looked through
 * @example graphOfNodes(nodes, ({ stage }) => stage !== 'norm').inputsOf({ stage: 'kq_soft_max', layer: 3 }) // kq of layer 3
 */
export function graphOfNodes(
  nodes: readonly NodeOperation[],
  isStage: (place: Place) => boolean,
  heads: Heads = {},
): Graph {
  const stages = nodes.flatMap((node): GraphStage[] => {
    const { place, op } = node;
    if (!place || !isStage(place)) return [];
    const { inputs, cached } = behind(node, nodes, isStage);
    return [{ ...place, op, ...rowOfStage(place.stage), inputs, ...(cached ? { cached } : {}) }];
  });
  return new Graph(stages, heads);
}

/** The stages that a node is computed from, through nodes that are none, each once. */
function behind(
  node: NodeOperation,
  nodes: readonly NodeOperation[],
  isStage: (place: Place) => boolean,
): Pick<GraphStage, 'inputs' | 'cached'> {
  const found = new Map<string, Place>();
  let cached: Place | undefined;
  const seen = new Set<number>();
  const visit = ({ inputs }: NodeOperation): void => {
    for (const input of inputs) {
      const index = 'node' in input ? input.node : 'cached' in input ? input.cached : undefined;
      const source = index === undefined || seen.has(index) ? undefined : nodes[index];
      if (!source) continue;
      seen.add(index as number);
      const { place } = source;
      if (!place || !isStage(place)) visit(source);
      else found.set(placeKey(place), place);
      if ('cached' in input && place && isStage(place)) cached ??= place;
    }
  };
  visit(node);
  return { inputs: [...found.values()], ...(cached ? { cached } : {}) };
}
