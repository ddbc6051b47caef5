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
  /** Operations between the inputs and the stage that are no stages, by ggml's names: where there are none, it is the operation on its inputs and no more. */
  readonly through?: readonly string[];
  /** What it reads of the file, without layer and ending, such as `attn_q`. */
  readonly weights?: readonly string[];
  /** Of a softmax over a mask: whether it hides what comes after a row, whatever it hides besides. */
  readonly mask?: 'causal' | 'other';
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

  /** @param isOfModel whether it was read from the model itself, and not taken for that of a Llama */
  constructor(
    stages: readonly GraphStage[],
    private readonly counts: Heads = {},
    readonly isOfModel = false,
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

  /** The same model with these stages only: the others lie between them. @example graph.within(({ stage }) => stage !== 'kqv') */
  within(has: (place: Place) => boolean): Graph {
    const folded = new Map<string, Folded>();
    const stages: GraphStage[] = [];
    for (const stage of this.stages) {
      const { inputs, cached, through, weights } = fold(stage, folded, has);
      if (!has(stage)) {
        folded.set(placeKey(stage), { inputs, cached, through: [...new Set([...through, stage.op])], weights });
        continue;
      }
      const { cached: _, through: __, weights: ___, ...own } = stage;
      stages.push({
        ...own,
        inputs,
        ...(cached ? { cached } : {}),
        ...(through.length > 0 ? { through } : {}),
        ...(weights.length > 0 ? { weights } : {}),
      });
    }
    return new Graph(stages, this.counts, this.isOfModel);
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

/** What a stage is computed from, once those that a run does not have are looked through. */
interface Folded {
  readonly inputs: readonly Place[];
  readonly cached: Place | undefined;
  readonly through: readonly string[];
  readonly weights: readonly string[];
}

/** @param folded the stages before it that the run does not have */
function fold(stage: GraphStage, folded: ReadonlyMap<string, Folded>, has: (place: Place) => boolean): Folded {
  const inputs = new Map<string, Place>();
  const through = new Set(stage.through);
  const weights = new Set(stage.weights);
  let cached = stage.cached && has(stage.cached) ? stage.cached : undefined;
  for (const input of stage.inputs) {
    const inner = folded.get(placeKey(input));
    for (const place of inner?.inputs ?? [input]) inputs.set(placeKey(place), place);
    for (const op of inner?.through ?? []) through.add(op);
    for (const weight of inner?.weights ?? []) weights.add(weight);
    cached ??= inner?.cached;
  }
  return { inputs: [...inputs.values()], cached, through: [...through], weights: [...weights] };
}
