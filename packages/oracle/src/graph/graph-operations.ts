import type { NodeInput, NodeOperation, Place } from '@llama-probe/dump/stage';
import { placeKey } from '@llama-probe/dump/stage';
import type { OracleConfig } from '../model.js';
import { hasOperation, isInner, operationAt, type StageOperation } from '../stage-operations.js';
import type { Activation } from '../variants/activations.js';
import { type HeadsOfLayer, headsByLayer, maskOf, nodeOf, scoresOf, withinAttention } from './layer-attention.js';
import { modelConfig, ropeConfig, softMaxConfig } from './node-config.js';

/** What the gate of each of ggml's gated units goes through. */
const GATES: Readonly<Record<string, Activation>> = {
  SWIGLU: 'silu',
  GEGLU: 'gelu-tanh',
  GEGLU_ERF: 'gelu-erf',
  GEGLU_QUICK: 'gelu-quick',
  REGLU: 'relu',
};

/** A node's operation, without what is the same for all. */
type Found = Omit<StageOperation, keyof Place | 'config'> & { readonly own?: Partial<OracleConfig> };

/**
 * What the stages of a model compute, by llama.cpp's own graph of it. What lies between two stages of the run is computed on the way:
 * where nobody captured the norm of Q, `q_rope` is that norm, its weight, and the rotation.
 *
 * @example new GraphOperations(nodes, has).at({ stage: 'kq_soft_max', layer: 3 })
 */
export class GraphOperations {
  private readonly isStage: (place: Place) => boolean;
  private readonly byPlace: ReadonlyMap<string, number>;
  private readonly heads: ReadonlyMap<number, HeadsOfLayer>;

  /** Of the first layer, where layers differ. */
  readonly config: OracleConfig;
  readonly layers: number;

  /** @param has whether a run has the rows of a place */
  constructor(
    private readonly nodes: readonly NodeOperation[],
    has: (place: Place) => boolean,
  ) {
    const within = new Set(nodes.flatMap((node) => withinAttention(node, nodes)));
    this.isStage = (place) => has(place) && !within.has(placeKey(place));
    this.byPlace = new Map(nodes.flatMap(({ place }, i) => (place ? [[placeKey(place), i] as const] : [])));
    this.heads = headsByLayer(nodes);
    this.config = modelConfig(nodes, this.heads);
    this.layers = nodes.reduce((most, { place }) => Math.max(most, (place?.layer ?? -1) + 1), 0);
  }

  /** undefined where the stage is not in the graph, or computed by what the oracle does not know. */
  at(place: Place): StageOperation | undefined {
    const index = this.byPlace.get(placeKey(place));
    return index === undefined || !this.isStage(place) ? undefined : this.operation(index, place);
  }

  /** @param at the place of the stage that it is on the way to, or is */
  private operation(index: number, at: Place, isOnTheWay = false): StageOperation | undefined {
    const node = this.nodes[index];
    if (!node) return undefined;
    const found = this.found(node, at);
    if (!found) return undefined;
    const { own, ...operation } = found;
    const config = { ...this.config, ...(at.layer === null ? {} : this.heads.get(at.layer)), ...own };
    const stage = isOnTheWay ? `${node.name}#${index}` : at.stage; // several nodes of a layer may have one name
    const role = roleOf(at, operation, isOnTheWay);
    return { stage, layer: at.layer, ...operation, config, role };
  }

  private found(node: NodeOperation, at: Place): Found | undefined {
    const { op, inputs, shape, parameters: p } = node;
    const [first, second] = inputs;
    const from = first && this.input(first, at);
    switch (op) {
      case 'GET_ROWS':
        return first && 'weight' in first ? ofWeight(first, at, { op: 'get-rows', inputs: [] }) : undefined;
      case 'CONT':
        return this.foundAt(first, at);
      case 'RMS_NORM':
        return (
          from && { op: 'rms-norm', inputs: [from], own: { embeddingLength: shape[0] ?? 0, rmsEpsilon: p.eps ?? 0 } }
        );
      case 'MUL':
        if (!from || !second) return undefined;
        return 'weight' in second ? ofWeight(second, at, { op: 'mul', inputs: [from] }) : this.weighted(node, from, at);
      case 'MUL_MAT':
        return this.product(node, at);
      case 'ADD':
        return this.sum(node, at);
      case 'ROPE': {
        const own = ropeConfig(node);
        return from && own && { op: 'rope', inputs: [from], own, ...headsAt(at) };
      }
      case 'SOFT_MAX':
        return from && (maskOf(node) === undefined ? probabilities(node, from) : this.softMax(node, from, at));
      case 'SCALE':
        return (p.bias ?? 0) === 0 ? (this.softCap(node, at) ?? (from && scale(p.scale ?? 1, from))) : undefined;
      default: {
        const activation = GATES[op];
        if (!activation || !from) return undefined;
        if (!second) return p.swapped ? undefined : { op: 'swiglu', inputs: [from], activation };
        const up = this.input(second, at);
        return up && { op: 'swiglu', inputs: [from, up], activation };
      }
    }
  }

  private foundAt(input: NodeInput | undefined, at: Place): Found | undefined {
    const node = nodeOf(input, this.nodes);
    return node && !(node.place && this.isStage(node.place)) ? this.found(node, at) : undefined;
  }

  /** A stage of the run, or what is computed on the way. */
  private input(input: NodeInput, at: Place): Place | StageOperation | undefined {
    if (!('node' in input)) return undefined;
    const place = this.nodes[input.node]?.place;
    return place && this.isStage(place) ? place : this.operation(input.node, at, true);
  }

  /** Of a weight; or of the cache, of keys with queries or of values with probabilities. */
  private product({ inputs, op }: NodeOperation, at: Place): Found | undefined {
    const [left, right] = inputs;
    const rows = right && this.input(right, at);
    if (!left || !right || !rows || op !== 'MUL_MAT') return undefined;
    if ('weight' in left) return ofWeight(left, at, { op: 'product', inputs: [rows], bias: false, ...headsAt(at) });
    if (!('cached' in left) || !('node' in right)) return undefined;
    const cached = this.nodes[left.cached]?.place;
    if (!cached || !this.isStage(cached)) return undefined;
    const isOfValues = nodeOf(right, this.nodes)?.op === 'SOFT_MAX';
    if (!isOfValues) return { op: 'scores', inputs: [rows, cached], heads: 'query' };
    return { op: 'values', inputs: [rows, cached], heads: 'query', own: { headDim: left.shape[1] ?? 0 } };
  }

  /** A row of each expert times its weight, one number. */
  private weighted({ inputs }: NodeOperation, from: Place | StageOperation, at: Place): Found | undefined {
    const [experts, second] = inputs.map((input) => nodeOf(input, this.nodes));
    const weights = inputs[1] && this.input(inputs[1], at);
    const isPerExpert = second !== undefined && sizeOf(second) === sizeOf(experts) / (experts?.shape[0] ?? 1);
    if (!weights || !isPerExpert) return undefined;
    const [before] = experts?.op === 'ADD_ID' ? experts.inputs : [];
    const unbiased = before && this.input(before, at);
    return { op: 'weighted', inputs: [from, weights], ...(unbiased && !isInner(unbiased) ? { unbiased } : {}) };
  }

  private softMax(node: NodeOperation, from: Place | StageOperation, at: Place): Found | undefined {
    const own = softMaxConfig(node);
    const product = scoresOf(node, this.nodes);
    if (!own || !product) return undefined;
    const scores = this.operation(this.nodes.indexOf(product), product.place ?? at, product.place === null);
    const sinks = node.inputs.find((input) => 'weight' in input);
    return {
      op: 'soft-max',
      inputs: [from],
      heads: 'query',
      own,
      ...(sinks && 'weight' in sinks ? { sinks: sinks.weight } : {}),
      ...(scores ? { scores } : {}),
    };
  }

  /** A bias is the product's, unless that is a stage of its own; of two nodes the one that was there first is the residual stream. */
  private sum({ inputs: [first, second] }: NodeOperation, at: Place): Found | undefined {
    if (!first || !second || !('node' in first)) return undefined;
    const from = this.input(first, at);
    if (!from) return undefined;
    if ('weight' in second) {
      const product = this.foundAt(first, at);
      if (product?.op !== 'product') return ofWeight(second, at, { op: 'bias', inputs: [from] }, 'bias');
      const { bias: _, ...whole } = product;
      return second.weight === nameOf(at, product.weight, 'bias') ? whole : undefined;
    }
    const other = this.input(second, at);
    if (!other || !('node' in second)) return undefined;
    const { norm } = llamasAt(at) ?? {};
    const inputs = first.node < second.node ? [other, from] : [from, other];
    return { op: 'add', inputs, ...(norm === undefined ? {} : { norm }) };
  }

  /** cap · tanh(x / cap), as three nodes. */
  private softCap({ parameters, inputs: [first] }: NodeOperation, at: Place): Found | undefined {
    const tanh = nodeOf(first, this.nodes);
    const divided = nodeOf(tanh?.inputs[0], this.nodes);
    const [x] = divided?.inputs ?? [];
    if (tanh?.op !== 'TANH' || divided?.op !== 'SCALE' || !x) return undefined;
    const [cap, inverse] = [parameters.scale ?? 0, divided.parameters.scale ?? 0];
    const from = this.input(x, at);
    return from && Math.abs(cap * inverse - 1) < 1e-6 ? { op: 'soft-cap', inputs: [from], factor: cap } : undefined;
  }
}

/** Over a whole row, where there is neither mask nor sink; its length is the width. */
const probabilities = (
  { shape, parameters, inputs }: NodeOperation,
  from: Place | StageOperation,
): Found | undefined =>
  parameters.scale === 1 && inputs.length === 1
    ? { op: 'probabilities', inputs: [from], own: { embeddingLength: shape[0] ?? 0 } }
    : undefined;

const sizeOf = (node: NodeOperation | undefined): number => (node?.shape ?? []).reduce((a, b) => a * b, 1);

const scale = (factor: number, from: Place | StageOperation): Found => ({ op: 'scale', inputs: [from], factor });

/** The operation with the weight's name as the oracle has it: without layer and suffix; undefined for a weight of another layer. */
function ofWeight(
  { weight }: { readonly weight: string },
  at: Place,
  found: Found,
  suffix = 'weight',
): Found | undefined {
  const prefix = at.layer === null ? '' : `blk.${at.layer}.`;
  const stem =
    weight.startsWith(prefix) && weight.endsWith(`.${suffix}`) && weight.slice(prefix.length, -1 - suffix.length);
  return stem ? { ...found, weight: stem } : undefined;
}

const nameOf = ({ layer }: Place, stem: string | undefined, suffix: string): string =>
  layer === null ? `${stem}.${suffix}` : `blk.${layer}.${stem}.${suffix}`;

/** What a Llama computes at a stage of that name. */
const llamasAt = ({ stage }: Place): StageOperation | undefined =>
  hasOperation(stage) ? operationAt({ stage, layer: 0 }, 1) : undefined;

/** Whose heads the rows of a place are, by its name. */
function headsAt(at: Place): Pick<StageOperation, 'heads'> {
  const { heads } = llamasAt(at) ?? {};
  return heads ? { heads } : {};
}

/** Of an operation under another name than a Llama's: the stage of a Llama that does the same. */
const ROLES: Readonly<Partial<Record<StageOperation['op'], string>>> = {
  'rms-norm': 'attn_rms',
  mul: 'attn_norm',
  add: 'ffn_inp',
  swiglu: 'ffn_swiglu',
};

function roleOf(at: Place, { op, inputs }: Pick<StageOperation, 'op' | 'inputs'>, isOnTheWay: boolean): string {
  const llamas = isOnTheWay ? undefined : llamasAt(at);
  if (llamas?.op === op || (llamas && op === 'soft-cap')) return at.stage;
  if ((op === 'bias' || op === 'weighted') && !isOnTheWay) return at.stage;
  return op === 'scale' && inputs[0]?.stage === 'embd' && !isOnTheWay ? 'embd' : (ROLES[op] ?? op);
}
