import { Graph, type GraphStage, type Heads } from './graph.js';
import { type Place, placeKey } from './place.js';
import { rowOfStage } from './vocabulary.js';

/** An input by its name, where it is of the same layer or of none as the stage is; else with its layer. */
type InputDescription = string | readonly [stage: string, layer: number | null];

interface StageDescription {
  readonly stage: string;
  readonly op: string;
  readonly inputs?: readonly InputDescription[];
  readonly cached?: InputDescription;
  readonly through?: readonly string[];
  readonly weights?: readonly string[];
  readonly mask?: 'causal' | 'other';
}

/**
 * A graph as a dump has it. Layers that are alike are described once, so that its size is that of the kinds of layers, however many there are.
 * An input's layer is counted from the stage's own in a kind, such as −1 for the one before, and is the layer itself in `before` and `after`.
 */
export interface GraphDescription {
  /** The stages of no layer that are evaluated before all layers, and the others. */
  readonly before: readonly StageDescription[];
  readonly after: readonly StageDescription[];
  readonly kinds: readonly (readonly StageDescription[])[];
  /** Which kind each layer is. */
  readonly layers: readonly number[];
}

/** Beyond, a graph is taken for damage: each stage of each layer is one entry. */
const MOST_STAGES = 1 << 18;

export function encodeGraph({ stages, layers }: Pick<Graph, 'stages' | 'layers'>): GraphDescription {
  const first = stages.findIndex(({ layer }) => layer !== null);
  const kinds = new Map<string, { readonly index: number; readonly stages: readonly StageDescription[] }>();
  const of = Array.from({ length: layers }, (_, layer) => {
    const kind = stages.filter((stage) => stage.layer === layer).map(encodeStage);
    const key = JSON.stringify(kind);
    const known = kinds.get(key) ?? { index: kinds.size, stages: kind };
    kinds.set(key, known);
    return known.index;
  });
  const whole = (some: readonly GraphStage[]) => some.filter(({ layer }) => layer === null).map(encodeStage);
  return {
    before: whole(stages.slice(0, Math.max(first, 0))),
    after: whole(stages.slice(Math.max(first, 0))),
    kinds: [...kinds.values()].map((kind) => kind.stages),
    layers: of,
  };
}

function encodeStage(stage: GraphStage): StageDescription {
  const { inputs, cached, through, weights, mask } = stage;
  const input = ({ stage: name, layer }: Place): InputDescription => {
    if (layer === stage.layer) return name;
    return [name, layer === null || stage.layer === null ? layer : layer - stage.layer];
  };
  return {
    stage: stage.stage,
    op: stage.op,
    ...(inputs.length > 0 ? { inputs: inputs.map(input) } : {}),
    ...(cached ? { cached: input(cached) } : {}),
    ...(through ? { through } : {}),
    ...(weights ? { weights } : {}),
    ...(mask ? { mask } : {}),
  };
}

/** The other way round. @param described one that isGraphDescription() */
export function decodeGraph({ before, after, kinds, layers }: GraphDescription, heads: Heads = {}): Graph {
  const stages = [
    ...before.map((stage) => decodeStage(stage, null)),
    ...layers.flatMap((kind, layer) => (kinds[kind] ?? []).map((stage) => decodeStage(stage, layer))),
    ...after.map((stage) => decodeStage(stage, null)),
  ];
  return new Graph(stages, heads, true);
}

function decodeStage(described: StageDescription, layer: number | null): GraphStage {
  const { stage, op, inputs = [], cached, through, weights, mask } = described;
  const input = (one: InputDescription): Place => {
    if (typeof one === 'string') return { stage: one, layer };
    return { stage: one[0], layer: one[1] === null || layer === null ? one[1] : one[1] + layer };
  };
  return {
    stage,
    layer,
    op,
    ...rowOfStage(stage),
    inputs: inputs.map(input),
    ...(cached === undefined ? {} : { cached: input(cached) }),
    ...(through ? { through } : {}),
    ...(weights ? { weights } : {}),
    ...(mask ? { mask } : {}),
  };
}

/** Whether what a file says is a graph, and one that can be taken at its word. @param mostLayers that there may be */
export function isGraphDescription(value: unknown, mostLayers: number): value is GraphDescription {
  const { before, after, kinds, layers } = (value ?? {}) as Partial<GraphDescription>;
  if (![before, after].every(areStages) || !isListOf(kinds, areStages) || !Array.isArray(layers)) return false;
  const sizes = kinds.map((kind) => kind.length);
  if (layers.length > mostLayers || !layers.every((kind) => sizes[kind as number] !== undefined)) return false;
  if (layers.reduce((sum, kind) => sum + (sizes[kind] ?? 0), 0) > MOST_STAGES) return false;
  return isInOrder(decodeGraph({ before, after, kinds, layers } as GraphDescription));
}

/** Whether every stage comes after all that it is computed from: whoever follows inputs comes to an end. */
function isInOrder({ stages }: Graph): boolean {
  const before = new Set<string>();
  return stages.every((stage) => {
    const { inputs, cached } = stage;
    const isAfter = [...inputs, ...(cached ? [cached] : [])].every((input) => before.has(placeKey(input)));
    before.add(placeKey(stage));
    return isAfter;
  });
}

const isListOf = <T>(value: unknown, is: (one: unknown) => one is T): value is readonly T[] =>
  Array.isArray(value) && value.every(is);
const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): boolean => value === undefined || isListOf(value, isText);
const isInput = (value: unknown): value is InputDescription =>
  isText(value) ||
  (Array.isArray(value) && value.length === 2 && isText(value[0]) && (value[1] === null || Number.isInteger(value[1])));

function isStage(value: unknown): value is StageDescription {
  const { stage, op, inputs, cached, through, weights, mask } = (value ?? {}) as Partial<StageDescription>;
  if (!isText(stage) || !isText(op) || !isTexts(through) || !isTexts(weights)) return false;
  if (mask !== undefined && mask !== 'causal' && mask !== 'other') return false;
  return (inputs === undefined || isListOf(inputs, isInput)) && (cached === undefined || isInput(cached));
}
const areStages = (value: unknown): value is readonly StageDescription[] => isListOf(value, isStage);
