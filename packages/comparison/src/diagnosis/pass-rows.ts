import type { Tensor } from '@llama-probe/dump';
import type { Graph, Place } from '@llama-probe/dump/stage';

/** The rows of the current pass that a stage can still be computed from: those of its layer and of the one before. */
export class PassRows {
  private pass = '';
  private readonly layers = new Map<number, Map<string, Float32Array>>();

  /** The stages that come before all layers. */
  private readonly before: ReadonlySet<string>;

  constructor(private readonly graph: Graph) {
    const first = graph.stages.findIndex(({ layer }) => layer !== null);
    this.before = new Set(graph.stages.slice(0, Math.max(first, 0)).map(({ stage }) => stage));
  }

  add(tensor: Tensor): void {
    const pass = `${tensor.step}/${tensor.positions[0]}`;
    if (pass !== this.pass) this.layers.clear();
    this.pass = pass;
    const layer = this.layerOf(tensor);
    for (const other of this.layers.keys()) if (other < layer - 1) this.layers.delete(other);
    const rows = this.layers.get(layer) ?? new Map<string, Float32Array>();
    this.layers.set(layer, rows);
    rows.set(tensor.stage, tensor.values);
  }

  get(place: Place): Float32Array | undefined {
    return this.layers.get(this.layerOf(place))?.get(place.stage);
  }

  /** What belongs to no layer comes before all of them, or after. */
  private layerOf(place: Place): number {
    return place.layer ?? (this.before.has(place.stage) ? -1 : this.graph.layers);
  }
}
