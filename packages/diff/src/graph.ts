import {
  decodeGraph,
  type Graph,
  type GraphDescription,
  type Heads,
  llamaGraph,
  type StageId,
} from '@llama-probe/dump/stage';

/** What is known of the model that both sides run. */
export interface AboutModel extends Heads {
  /** Without it the stages are taken for a Llama's, of as many layers as there are. */
  readonly graph?: Graph | undefined;
}

/** The model's graph, or that of a Llama with the layers that were seen. */
export const graphOf = ({ graph, heads, headsKv }: AboutModel, seen: Iterable<Pick<StageId, 'layer'>>): Graph =>
  graph ?? llamaGraph({ layers: layerCount(seen), heads, headsKv });

/** The graph that a report has, or that of a Llama with its layers. @example graphIn(report.graph, report.stages) */
export const graphIn = (told: GraphDescription | undefined, seen: Iterable<Pick<StageId, 'layer'>>): Graph =>
  told ? decodeGraph(told) : graphOf({}, seen);

/** The same while the layers are still coming. */
export class GraphSoFar {
  private layers = 1;
  private known: Graph | undefined;

  constructor(private readonly about: AboutModel) {}

  /** One that has this layer; of what comes after the last, one that has no others than were seen. */
  withLayer(layer: number | null): Graph {
    const { about, layers } = this;
    if (about.graph) return about.graph;
    this.layers = Math.max(layers, (layer ?? 0) + 1);
    const isLarge = (this.known?.layers ?? 0) >= this.layers;
    if (this.known && isLarge && (layer !== null || this.known.layers === this.layers)) return this.known;
    const most = layer === null ? this.layers : 2 * this.layers; // a graph a layer would take the square of their number
    this.known = graphOf(about, [{ layer: most - 1 }]);
    return this.known;
  }
}

/** One more than the highest layer. */
export function layerCount(stages: Iterable<Pick<StageId, 'layer'>>): number {
  let layers = 0;
  for (const { layer } of stages) layers = Math.max(layers, (layer ?? -1) + 1);
  return layers;
}
