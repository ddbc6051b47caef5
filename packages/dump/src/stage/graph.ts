import { type Place, placeKey } from './place.js';

/** What computes a stage, by ggml's names. */
export type Op = 'GET_ROWS' | 'RMS_NORM' | 'MUL' | 'MUL_MAT' | 'ROPE' | 'SOFT_MAX' | 'ADD' | 'SWIGLU';

/** What a row of a stage is: values, or the scores of each head over the positions so far, (heads, n_kv). */
export type RowKind = 'values' | 'scores';

/** A stage as the model has it: what computes it, from which others. */
export interface GraphStage extends Place {
  /** By ggml's name. */
  readonly op: string;
  /** Within its pass, in the order in which the operation takes them. */
  readonly inputs: readonly Place[];
  /** The input that earlier positions supply too, through the KV cache. */
  readonly cached?: Place;
  readonly row: RowKind;
  /** Whose heads lie side by side in a row. */
  readonly heads?: 'query' | 'key';
}

/** How many heads the model has, where that is known. */
export interface Heads {
  /** Of the queries. */
  readonly heads?: number | undefined;
  /** Of the keys and values. */
  readonly headsKv?: number | undefined;
}

/**
 * A model as data: which stages it has and what each is computed from. What a stage inherits from, which checks hold of it and what a bug
 * may be of is asked here, and written down nowhere else. A name that it does not have is a producer's own: nothing is known of it.
 *
 * @example llamaGraph({ layers: 4 }).inputsOf({ stage: 'ffn_inp', layer: 3 }) // attn_out of layer 3, l_out of layer 2
 */
export class Graph {
  /** In evaluation order. */
  readonly stages: readonly GraphStage[];
  /** The names that occur, each once. */
  readonly names: readonly string[];
  private readonly byPlace: ReadonlyMap<string, GraphStage>;
  private readonly byName: ReadonlyMap<string, GraphStage>; // one of each name
  /** How many it has. */
  readonly layers: number;

  constructor(
    stages: readonly GraphStage[],
    private readonly counts: Heads = {},
  ) {
    this.stages = stages;
    this.byPlace = new Map(stages.map((stage) => [placeKey(stage), stage]));
    this.byName = new Map(stages.map((stage) => [stage.stage, stage]));
    this.names = [...this.byName.keys()];
    this.layers = stages.reduce((most, { layer }) => Math.max(most, (layer ?? -1) + 1), 0);
  }

  at(place: Place): GraphStage | undefined {
    return this.byPlace.get(placeKey(place));
  }

  /** What a stage is computed from within its pass; nothing for one that is not known. */
  inputsOf(place: Place): readonly Place[] {
    return this.at(place)?.inputs ?? [];
  }

  /** The input that it also takes from earlier positions. @example graph.cachedInputOf({ stage: 'kq', layer: 3 }) // k_rope of layer 3 */
  cachedInputOf(place: Place): Place | undefined {
    return this.at(place)?.cached;
  }

  /** Whether the name is one of the model's stages. */
  has(stage: string): boolean {
    return this.byName.has(stage);
  }

  /** Whether a name's stages are parts of layers, and not of the whole model. */
  isInLayers(stage: string): boolean {
    const one = this.byName.get(stage);
    return one !== undefined && one.layer !== null;
  }

  /** Whether a row is (heads, n_kv), where n_kv is what the pass had seen: its width differs where the passes do. */
  isScores(stage: string): boolean {
    return this.byName.get(stage)?.row === 'scores';
  }

  /** How many heads lie side by side in a row of a stage; undefined where it has none, or that is not known. */
  headsOf(stage: string): number | undefined {
    const whose = this.byName.get(stage)?.heads;
    if (!whose) return undefined;
    return whose === 'query' ? this.counts.heads : this.counts.headsKv;
  }

  /** The names of the stages that fill the KV cache. */
  get cachedNames(): ReadonlySet<string> {
    return new Set(this.stages.flatMap(({ cached }) => (cached ? [cached.stage] : [])));
  }

  /** The stage that is evaluated last in a layer, or in what comes after all layers. */
  lastOf(layer: number | null): GraphStage | undefined {
    return this.stages.findLast((stage) => stage.layer === layer);
  }
}
