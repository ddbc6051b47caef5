import type { Tensor } from '@llama-probe/dump';
import type { Graph, Place } from '@llama-probe/dump/stage';

/** The rows of the current pass that a stage can still be computed from: those of its layer and of the one before. */
export class PassRows {
  private pass = '';
  private readonly layers = new Map<number, Map<string, Float32Array>>();
  private last = -1; // the layer of what came last
  /** Of stages of no layer that the graph does not have: the layer that they came in. */
  private readonly elsewhere = new Map<string, number>();

  /** The stages that come before all layers. */
  private readonly before: ReadonlySet<string>;

  constructor(private readonly graph: Graph) {
    const first = graph.stages.findIndex(({ layer }) => layer !== null);
    this.before = new Set(graph.stages.slice(0, Math.max(first, 0)).map(({ stage }) => stage));
  }

  add(tensor: Tensor): void {
    const pass = `${tensor.step}/${tensor.positions[0]}`;
    if (pass !== this.pass) {
      this.layers.clear();
      this.elsewhere.clear();
      this.last = -1;
    }
    this.pass = pass;
    const layer = this.layerOf(tensor);
    this.last = layer;
    if (tensor.layer === null && !this.graph.has(tensor.stage)) this.elsewhere.set(tensor.stage, layer);
    for (const other of this.layers.keys()) if (other < layer - 1) this.layers.delete(other);
    const rows = this.layers.get(layer) ?? new Map<string, Float32Array>();
    this.layers.set(layer, rows);
    rows.set(tensor.stage, tensor.values);
  }

  get(place: Place): Float32Array | undefined {
    return this.layers.get(this.layerOf(place))?.get(place.stage);
  }

  /** What belongs to no layer comes before all of them, or after; what the graph does not have is where it comes. */
  private layerOf({ layer, stage }: Place): number {
    if (layer !== null) return layer;
    if (this.before.has(stage)) return -1;
    return this.graph.has(stage) ? this.graph.layers : (this.elsewhere.get(stage) ?? this.last);
  }
}
