import { Graph, type GraphStage, type Heads } from './graph.js';
import type { NodeOperation } from './node-operation.js';
import { type Place, placeKey } from './place.js';
import { rowOfStage } from './vocabulary.js';

/** Nodes that change no value. */
const SAME_VALUES = new Set(['RESHAPE', 'PERMUTE', 'TRANSPOSE', 'CONT', 'CPY', 'DUP']);

/**
 * The stages of a model by llama.cpp's own graph of it.
 *
 * @param isStage whether a run has the rows of a place: what it does not have is looked through
 * @example graphOfNodes(nodes, ({ stage }) => stage !== 'kqv').inputsOf({ stage: 'kq_soft_max', layer: 3 }) // kq of layer 3
 */
export function graphOfNodes(
  nodes: readonly NodeOperation[],
  isStage: (place: Place) => boolean = () => true,
  heads: Heads = {},
): Graph {
  const stages = nodes.flatMap((node): GraphStage[] => {
    const { place, op } = node;
    return place ? [{ ...place, op, ...rowOfStage(place.stage), ...behind(node, nodes) }] : [];
  });
  return new Graph(stages, heads, true).within(isStage);
}

/** What a node is computed from, through nodes that are no stages, each once. */
function behind(
  node: NodeOperation,
  nodes: readonly NodeOperation[],
): Pick<GraphStage, 'inputs' | 'cached' | 'through' | 'weights' | 'mask'> {
  const found = new Map<string, Place>();
  const through = new Set<string>();
  const weights = new Set<string>();
  let cached: Place | undefined;
  let mask: GraphStage['mask'];
  const seen = new Set<number>();
  const visit = ({ inputs }: NodeOperation): void => {
    for (const input of inputs) {
      if ('weight' in input) weights.add(input.weight.replace(/^blk\.\d+\./, '').replace(/\.weight$/, ''));
      if ('mask' in input) mask = input.mask === 'other' ? 'other' : 'causal';
      const index = 'node' in input ? input.node : 'cached' in input ? input.cached : undefined;
      const source = index === undefined || seen.has(index) ? undefined : nodes[index];
      if (!source) continue;
      seen.add(index as number);
      const { place, op } = source;
      if (place) {
        found.set(placeKey(place), place);
        if ('cached' in input) cached ??= place;
        continue;
      }
      if (!SAME_VALUES.has(op)) through.add(op);
      visit(source);
    }
  };
  visit(node);
  return {
    inputs: [...found.values()],
    ...(cached ? { cached } : {}),
    ...(through.size > 0 ? { through: [...through] } : {}),
    ...(weights.size > 0 ? { weights: [...weights] } : {}),
    ...(mask ? { mask } : {}),
  };
}
