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

/** What all values of a node go through. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  SILU: 'silu',
  GELU: 'gelu-tanh',
  GELU_ERF: 'gelu-erf',
  GELU_QUICK: 'gelu-quick',
  RELU: 'relu',
};

/** A node's operation, without what is the same for all. */
type Found = Omit<StageOperation, keyof Place | 'config'> & {
  readonly own?: Partial<OracleConfig>;
  /** null where a step of a layer reads a weight of the whole model, such as the norm of the embedding. */
  readonly layer?: null;
};

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
    const { own, layer = at.layer, ...operation } = found;
    const config = { ...this.config, ...(at.layer === null ? {} : this.heads.get(at.layer)), ...own };
    const stage = isOnTheWay ? `${node.name}#${index}` : at.stage; // several nodes of a layer may have one name
    const role = roleOf(at, operation, isOnTheWay, node.name);
    return { stage, layer, ...operation, config, role };
  }

  private found(node: NodeOperation, at: Place): Found | undefined {
    const { op, inputs, shape, parameters: p } = node;
    const [first, second] = inputs;
    const from = first && this.input(first, at);
    switch (op) {
      case 'GET_ROWS':
        return first && 'weight' in first
          ? ofWeight(first, at, { op: 'get-rows', inputs: [] })
          : this.ofTwo('chosen', first, second, at);
      case 'ARGSORT':
        return from && p.descending ? { op: 'top-k', inputs: [from], count: shape[0] ?? 0 } : undefined;
      case 'VIEW':
        return this.firstOf(first, shape[0] ?? 0, at) ?? this.part(node, at);
      case 'SIGMOID':
        return from && { op: 'sigmoid', inputs: [from] };
      case 'SUM_ROWS':
        return from && { op: 'row-sum', inputs: [from] };
      case 'CLAMP':
        return (
          from && {
            op: 'clamp',
            inputs: [from],
            bounds: [p.min ?? Number.NEGATIVE_INFINITY, p.max ?? Number.POSITIVE_INFINITY],
          }
        );
      case 'DIV':
        return this.ofTwo('quotient', first, second, at);
      case 'MUL_MAT_ID':
      case 'ADD_ID':
        return this.ofExperts(node, at);
      case 'CONT':
        return this.foundAt(first, at);
      case 'CONCAT':
        return this.besides(node, at);
      case 'RMS_NORM':
      case 'NORM': {
        const own = { embeddingLength: shape[0] ?? 0, rmsEpsilon: p.eps ?? 0 };
        return from && { op: op === 'NORM' ? 'layer-norm' : 'rms-norm', inputs: [from], own };
      }
      case 'MUL':
        if (!from || !second) return undefined;
        return 'weight' in second ? ofWeight(second, at, { op: 'mul', inputs: [from] }) : this.weighted(node, from, at);
      case 'MUL_MAT':
        return this.product(node, at);
      case 'ADD':
        return this.expertSum(node, at) ?? this.sum(node, at);
      case 'SWIGLU_OAI': {
        const unit = p.swapped ? undefined : this.ofTwo('bounded-unit', first, second, at);
        return unit && { ...unit, part: shape[0] ?? 0, bounded: { alpha: p.alpha ?? 1, limit: p.limit ?? 0 } };
      }
      case 'ROPE': {
        const own = ropeConfig(node);
        return from && own && { op: 'rope', inputs: [from], own, ...headsAt(at) };
      }
      case 'SOFT_MAX':
        return from && (maskOf(node) === undefined ? probabilities(node, from) : this.softMax(node, from, at));
      case 'SCALE':
        return (p.bias ?? 0) === 0 ? (this.softCap(node, at) ?? (from && scale(p.scale ?? 1, from))) : undefined;
      default: {
        const ungated = ACTIVATIONS[op];
        if (ungated) return from && { op: 'activation', inputs: [from], activation: ungated };
        const activation = GATES[op];
        if (!activation || !from) return undefined;
        const part = shape[0] ?? 0;
        if (!second) return p.swapped ? undefined : { op: 'swiglu', inputs: [from], activation, part };
        const up = this.input(second, at);
        return up && { op: 'swiglu', inputs: [from, up], activation, part };
      }
    }
  }

  /** @param evenOfStage whether it may be a stage of the run, too */
  private foundAt(input: NodeInput | undefined, at: Place, evenOfStage = false): Found | undefined {
    const node = nodeOf(input, this.nodes);
    return node && (evenOfStage || !(node.place && this.isStage(node.place))) ? this.found(node, at) : undefined;
  }

  /** A stage of the run, or what is computed on the way. */
  private input(input: NodeInput, at: Place): Place | StageOperation | undefined {
    if (!('node' in input)) return undefined;
    const place = this.nodes[input.node]?.place;
    return place && this.isStage(place) ? place : this.operation(input.node, at, true);
  }

  /** Of a weight; or of the cache, of keys with queries or of values with probabilities. */
  private product({ inputs, op, shape }: NodeOperation, at: Place): Found | undefined {
    const [left, right] = inputs;
    const rows = right && this.input(right, at);
    if (!left || !right || !rows || op !== 'MUL_MAT') return undefined;
    if ('weight' in left && (left.shape[2] ?? 1) > 1) return this.headProduct(left, right, shape, rows, at);
    if ('weight' in left) return ofWeight(left, at, { op: 'product', inputs: [rows], bias: false, ...headsAt(at) });
    if (!('cached' in left) || !('node' in right)) return undefined;
    const cached = this.nodes[left.cached]?.place;
    if (!cached || !this.isStage(cached)) return undefined;
    const softMax = nodeOf(right, this.nodes);
    const isOfValues = softMax?.op === 'SOFT_MAX';
    if (isOfValues && maskOf(softMax) === 'other') return undefined; // rows see what no rule here says
    const latent = this.latentOf(left.cached);
    if (!isOfValues) return { op: 'scores', inputs: [rows, cached], heads: 'query', ...latent };
    const headDim = left.shape[1] ?? 0;
    if (latent.latent !== undefined && (latent.latent !== headDim || left.offset)) return undefined;
    return { op: 'values', inputs: [rows, cached], heads: 'query', own: { headDim }, ...latent };
  }

  /** Of keys and values that are one row in the cache: how much of it is V. */
  private latentOf(cached: number): Pick<StageOperation, 'latent'> {
    const { op, inputs: [values] = [], shape } = this.nodes[cached] ?? {};
    const latent = nodeOf(values, this.nodes)?.shape[0] ?? 0;
    return op === 'CONCAT' && latent < (shape?.[0] ?? 0) ? { latent } : {};
  }

  /** Of a weight with a matrix for each head. */
  private headProduct(
    left: Extract<NodeInput, { weight: string }>,
    right: NodeInput,
    [, tokens = 0, heads = 0]: readonly number[],
    rows: Place | StageOperation,
    at: Place,
  ): Found | undefined {
    const isPerHead = left.shape[2] === heads && heads === (this.heads.get(at.layer ?? -1)?.headCount ?? 0);
    const size = sizeOf(nodeOf(right, this.nodes));
    if (!isPerHead || size !== (left.shape[0] ?? 0) * tokens * heads) return undefined;
    return ofWeight(left, at, { op: 'head-product', inputs: [rows], bias: false });
  }

  /** Two nodes' rows beside each other, within each head. */
  private besides({ inputs: [first, second], shape: [whole], parameters: { dim } }: NodeOperation, at: Place) {
    const lengths = [first, second].map((input) => nodeOf(input, this.nodes)?.shape[0] ?? 0);
    const isOfHeads = dim === 0 && lengths.reduce((a, b) => a + b) === whole;
    const found = isOfHeads ? this.ofTwo('concat', first, second, at) : undefined;
    return found && { ...found, lengths };
  }

  /** An operation of two nodes' rows. */
  private ofTwo(
    op: StageOperation['op'],
    first: NodeInput | undefined,
    second: NodeInput | undefined,
    at: Place,
  ): Found | undefined {
    const [from, other] = [first && this.input(first, at), second && this.input(second, at)];
    return from && other && { op, inputs: [from, other] };
  }

  /** The first of those that a row was sorted into. */
  private firstOf(sorted: NodeInput | undefined, count: number, at: Place): Found | undefined {
    const [from] = nodeOf(sorted, this.nodes)?.op === 'ARGSORT' ? [this.foundAt(sorted, at, true)] : [];
    return from?.op === 'top-k' ? { ...from, count } : undefined;
  }

  /** A part of each row; where that is of a product with a weight that is several in one, the product with its part of the weight. */
  private part(
    { inputs: [first], parameters: { offset, pieces, step }, shape }: NodeOperation,
    at: Place,
  ): Found | undefined {
    if (!first || offset === undefined || pieces === undefined || step === undefined) return undefined;
    const [part = 0] = shape;
    const rows = [offset, offset + pieces * part] as const;
    const product = step === part ? (this.foundAt(first, at) ?? this.withOwnBias(first, rows, at)) : undefined;
    if (product?.op === 'product' && !product.rowsOfWeight) return { ...product, rowsOfWeight: rows, ...headsAt(at) };
    const from = this.input(first, at);
    const begins = Array.from({ length: pieces }, (_, i) => offset + i * step);
    return from && { op: 'part', inputs: [from], part, begins };
  }

  /** A product with several weights in one to which their biases, which the file has apart, are added one behind the other. */
  private withOwnBias(input: NodeInput, [begin, end]: readonly [number, number], at: Place): Found | undefined {
    const sum = nodeOf(input, this.nodes);
    const [first, second] = sum?.inputs ?? [];
    const product = sum?.op === 'ADD' ? this.foundAt(first, at) : undefined;
    if (product?.op !== 'product' || !second) return undefined;
    let from = 0;
    for (const bias of this.concatenated(second)) {
      const found = from === begin && from + (bias.shape[0] ?? 0) === end && ofWeight(bias, at, product, 'bias');
      if (found) return { ...product, bias: found.weight as string };
      from += bias.shape[0] ?? 0;
    }
    return undefined;
  }

  /** Weights one behind the other, through as many nodes as that takes. */
  private *concatenated(input: NodeInput): Generator<NodeInput & { weight: string; shape: readonly number[] }> {
    if ('weight' in input) yield input;
    const node = nodeOf(input, this.nodes);
    if (node?.op === 'CONCAT') for (const each of node.inputs) yield* this.concatenated(each);
  }

  /** A weight or a bias of each expert that was chosen; ids are the last input. */
  private ofExperts({ op, inputs }: NodeOperation, at: Place): Found | undefined {
    const isProduct = op === 'MUL_MAT_ID';
    const weight = inputs[isProduct ? 0 : 1];
    const found = this.ofTwo(isProduct ? 'expert-product' : 'expert-bias', inputs[isProduct ? 1 : 0], inputs[2], at);
    if (!found || !weight || !('weight' in weight)) return undefined;
    return ofWeight(
      weight,
      at,
      { ...found, bias: false, experts: weight.shape[isProduct ? 2 : 1] ?? 1 },
      isProduct ? 'weight' : 'bias',
    );
  }

  /** The rows of all experts, added one after another: each is a part of one node. */
  private expertSum(node: NodeOperation, at: Place): Found | undefined {
    const parts = [...this.added(node)];
    const [of] = parts[0]?.inputs ?? [];
    const all = nodeOf(of, this.nodes);
    const isWhole = all !== undefined && parts.length > 1 && parts.length === (all.shape[1] ?? 1);
    const isOne = parts.every(({ op, inputs: [input] }) => op === 'VIEW' && nodeOf(input, this.nodes) === all);
    const from = of && isWhole && isOne && this.input(of, at);
    return from ? { op: 'expert-sum', inputs: [from], count: parts.length } : undefined;
  }

  /** What is added up in a node, through additions that are no stages of their own. */
  private *added({ inputs }: NodeOperation): Generator<NodeOperation> {
    for (const input of inputs) {
      const node = nodeOf(input, this.nodes);
      if (node?.op === 'ADD' && !node.place) yield* this.added(node);
      else if (node) yield node;
    }
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
const probabilities = ({ parameters, inputs }: NodeOperation, from: Place | StageOperation): Found | undefined =>
  parameters.scale === 1 && inputs.length === 1 ? { op: 'probabilities', inputs: [from] } : undefined;

const sizeOf = (node: NodeOperation | undefined): number => (node?.shape ?? []).reduce((a, b) => a * b, 1);

const scale = (factor: number, from: Place | StageOperation): Found => ({ op: 'scale', inputs: [from], factor });

/** The operation with the weight's name as the oracle has it: without layer and suffix; undefined for a weight of another layer. */
function ofWeight(
  { weight }: { readonly weight: string },
  at: Place,
  found: Found,
  suffix = 'weight',
): Found | undefined {
  const isOfModel = !weight.startsWith('blk.') && found.op !== 'get-rows';
  const prefix = at.layer === null || isOfModel ? '' : `blk.${at.layer}.`;
  const stem =
    weight.startsWith(prefix) && weight.endsWith(`.${suffix}`) && weight.slice(prefix.length, -1 - suffix.length);
  return stem ? { ...found, weight: stem, ...(isOfModel ? { layer: null } : {}) } : undefined;
}

const nameOf = ({ layer }: Place, stem: string | undefined, suffix: string): string =>
  layer === null ? `${stem}.${suffix}` : `blk.${layer}.${stem}.${suffix}`;

/** In latent attention only a part of each head is turned; it is a stage of its own. */
const TURNED: ReadonlyMap<string, string> = new Map([
  ['q_pe', 'q_rope'],
  ['k_pe', 'k_rope'],
]);

/** What a Llama computes at a stage of that name. */
function llamasAt({ stage: name }: Place): StageOperation | undefined {
  const stage = TURNED.get(name) ?? name;
  return hasOperation(stage) ? operationAt({ stage, layer: 0 }, 1) : undefined;
}

/** Whose heads the rows of a place are, by its name. */
function headsAt(at: Place): Pick<StageOperation, 'heads'> {
  const { heads } = llamasAt(at) ?? {};
  return heads ? { heads } : {};
}

/** Of an operation under another name than a Llama's: the stage of a Llama that does the same. */
const ROLES: Readonly<Partial<Record<StageOperation['op'], string>>> = {
  'rms-norm': 'attn_rms',
  'layer-norm': 'attn_rms',
  mul: 'attn_norm',
  add: 'ffn_inp',
  swiglu: 'ffn_swiglu',
  activation: 'ffn_swiglu',
  'top-k': 'ffn_moe_topk',
  chosen: 'ffn_moe_weights',
  quotient: 'ffn_moe_weights_norm',
  'bounded-unit': 'ffn_moe_swiglu_oai',
  'expert-bias': 'ffn_moe_biased',
  weighted: 'ffn_moe_weighted',
  'expert-sum': 'ffn_moe_out',
};

/** Of the weights of experts: the stage of a Llama that has such a product. */
const ROLES_OF_EXPERTS: Readonly<Record<string, string>> = {
  ffn_gate_exps: 'ffn_gate',
  ffn_up_exps: 'ffn_up',
  ffn_down_exps: 'ffn_out',
};

/** @param name of the node, which tells the router from other gates that are squashed */
function roleOf(
  at: Place,
  { op, inputs, weight = '' }: Pick<StageOperation, 'op' | 'inputs' | 'weight'>,
  isOnTheWay: boolean,
  name: string,
): string {
  const llamas = isOnTheWay ? undefined : llamasAt(at);
  if (llamas?.op === op || (llamas && op === 'soft-cap')) return llamas.stage;
  if (op === 'values' && at.stage === 'kqv_out') return at.stage;
  if (op === 'product' && !isOnTheWay) return 'ffn_out'; // any product of the layer's
  if ((op === 'bias' || op === 'weighted') && !isOnTheWay) return at.stage;
  if (op === 'expert-product') return ROLES_OF_EXPERTS[weight] ?? op;
  if (op === 'probabilities' || op === 'sigmoid') return name.startsWith('ffn_moe_probs') ? 'ffn_moe_probs' : op;
  if (op === 'scale' && !isOnTheWay && at.stage === 'ffn_moe_weights_scaled') return at.stage;
  return op === 'scale' && inputs[0]?.stage === 'embd' && !isOnTheWay ? 'embd' : (ROLES[op] ?? op);
}
