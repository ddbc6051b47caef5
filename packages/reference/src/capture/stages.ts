import { isInVocabulary, isStageName, mayBeNorm, normBefore } from '@llama-probe/dump/stage';
import type { Pointer } from '../library/library.js';
import type { GraphNode } from './node.js';

/**
 * How a llama.cpp node becomes a stage.
 *
 * `until` says what else must be known before the stage is: the node that `consumer` names it after, a `bias` that
 * may be added next and is then the stage itself, the `mask` that says which entries are hidden.
 * `heads` is ggml's (width, token, head) order, which is turned into (token, head, width).
 */
interface Rule {
  node: string;
  ops?: readonly string[];
  /** Of several nodes with one name: the weight that it reads, without layer and ending. */
  weight?: string;
  stage: string;
  until?: 'consumer' | 'bias' | 'mask';
  layout?: 'heads';
  /** The first dimension is n_kv, padded. */
  cache?: true;
}

/** A norm times its weight, to which a bias is still added: llama.cpp calls the sum what others call the product. */
const WEIGHTED = 'norm_w';

// The first row that fits counts.
const RULES: readonly Rule[] = [
  { node: 'norm', ops: ['RMS_NORM', 'NORM'], stage: 'norm', until: 'consumer' },
  { node: WEIGHTED, ops: ['MUL'], stage: WEIGHTED, until: 'consumer' },
  { node: 'Qcur', ops: ['MUL_MAT'], stage: 'q_proj', until: 'bias' },
  { node: 'Kcur', ops: ['MUL_MAT'], stage: 'k_proj', until: 'bias' },
  { node: 'Vcur', ops: ['MUL_MAT'], stage: 'v_proj', until: 'bias' },
  // a VIEW where one matrix makes Q, K and V
  { node: 'Qcur', ops: ['ADD', 'VIEW'], stage: 'q_proj' },
  { node: 'Kcur', ops: ['ADD', 'VIEW'], stage: 'k_proj' },
  { node: 'Vcur', ops: ['ADD', 'VIEW'], stage: 'v_proj' },
  // latent attention makes its queries in three steps, or in one
  { node: 'q', weight: 'attn_q_a', stage: 'attn_q_a' },
  { node: 'q', weight: 'attn_q_a_norm', stage: 'attn_q_a_norm' },
  { node: 'q', weight: 'attn_q_b', stage: 'q_proj' },
  { node: 'q', weight: 'attn_q', stage: 'q_proj' },
  { node: 'Qcur', ops: ['ROPE'], stage: 'q_rope' },
  { node: 'Kcur', ops: ['ROPE'], stage: 'k_rope' },
  { node: 'kq', ops: ['MUL_MAT'], stage: 'kq', until: 'mask', layout: 'heads', cache: true },
  { node: 'kq_soft_max', ops: ['SOFT_MAX'], stage: 'kq_soft_max', layout: 'heads', cache: true },
  { node: 'kqv', stage: 'kqv', layout: 'heads' },
  { node: 'kqv_mla', stage: 'kqv_mla', layout: 'heads' },
  { node: 'q_nope_absorbed', ops: ['MUL_MAT'], stage: 'q_nope_absorbed', layout: 'heads' },
  { node: 'ffn_moe_topk', stage: 'ffn_moe_topk' },
];

/** Nodes that only look at what another node computed, or put it into the cache. */
const NO_COMPUTATION = new Set(['NONE', 'RESHAPE', 'VIEW', 'PERMUTE', 'TRANSPOSE', 'SET_ROWS', 'CPY']);

export interface Match {
  stage: string;
  layer: number | null;
  until?: 'consumer' | 'bias' | 'mask';
  layout?: 'heads';
  cache?: true;
}

/** The stage of a node by itself; undefined where it computes nothing, or neither its name nor its weight tells. */
export function matchNode(node: GraphNode): Match | undefined {
  const { base, layer: named } = splitName(node.name);
  const [, block, stem, part] = /^blk\.(\d+)\.(.+)\.(weight|bias)$/.exec(node.weight ?? '') ?? [];
  const layer = named ?? (block === undefined ? null : Number(block)); // some architectures name a node of a layer without it
  const anonymous = base === 'node' || base === 'leaf' || base === '' || base.includes(' ') || /^node_\d+$/.test(base);
  if (anonymous && stem) {
    const stage = stem === 'attn_output' ? 'attn_out' : stem;
    // Of other names of the vocabulary a later node of the layer may be the one.
    if (stage !== 'attn_out' && isStageName(stage)) return undefined;
    return { stage, layer, ...(part === 'weight' && node.op === 'MUL_MAT' ? { until: 'bias' } : {}) };
  }
  const fits = ({ node: name, ops, weight }: Rule) =>
    name === base && (!ops || ops.includes(node.op)) && (weight === undefined || weight === stem);
  const rule = RULES.find(fits);
  if (rule) {
    const { node: _, ops: __, weight: ___, ...match } = rule;
    return { ...match, layer };
  }
  return anonymous || NO_COMPUTATION.has(node.op) ? undefined : { stage: base, layer };
}

/** Whether a stage by this match may turn out to be one of these. */
export const mayBe = ({ stage, layer, until }: Match, wants: Wants): boolean =>
  wants(stage, layer) || (until === 'consumer' && wants.mayWantNorms);

/** A match of which later nodes tell more: a product that gets its bias there is no stage, and a norm is called after who uses it. */
export class Settling {
  /** undefined where it is no stage. The `mask` is still to come. */
  match: Match | undefined;
  isSettled: boolean;
  /** More than the next node had to be seen: others may have been computed from it, and in its memory, since. */
  isLate = false;
  private used: Pointer;

  constructor(
    match: Match,
    private readonly node: GraphNode,
  ) {
    this.match = match;
    this.isSettled = match.until === undefined || match.until === 'mask';
    this.used = node.address;
  }

  /** Takes the next node; nothing where there is none. */
  see(next: GraphNode | undefined): void {
    if (!this.match || this.isSettled) return;
    const { until, ...settled } = this.match;
    const follows = next?.sources.includes(this.used) ?? false;
    const after = follows && next ? matchNode(next) : undefined;
    this.match = settled;
    this.isSettled = true;
    if (until === 'bias' && next?.op === 'ADD' && isSame(settled, after)) this.match = undefined;
    if (until === 'consumer' && next && after) {
      if (after.stage === WEIGHTED) {
        // who uses it is known when its bias was added
        this.match = { ...settled, until };
        this.isSettled = false;
        this.isLate = true;
        this.used = next.address;
      } else {
        this.match = { ...settled, stage: this.named(after.stage, next), layer: settled.layer ?? after.layer };
      }
    }
  }

  private named(after: string, { weight }: GraphNode): string {
    if (this.node.op === 'MUL') return `${after}_w`;
    return normBefore(after, weight, this.node.op) ?? 'norm';
  }
}

const isSame = (one: Match, other: Match | undefined): boolean =>
  one.stage === other?.stage && one.layer === other.layer;

/** Some architectures give two nodes of a layer one name; the second becomes `name.2`. */
export class UniqueNames {
  private readonly seen = new Map<string, number>();

  clear(): void {
    this.seen.clear();
  }

  unique({ stage, layer }: Match): string {
    const key = `${stage}-${layer}`;
    const count = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, count);
    return count === 1 ? stage : `${stage}.${count}`;
  }
}

/** @example splitName('ffn_out-12') → { base: 'ffn_out', layer: 12 } */
export function splitName(name: string): { base: string; layer: number | null } {
  const dash = /-(\d+)$/.exec(name);
  return dash ? { base: name.slice(0, dash.index), layer: Number(dash[1]) } : { base: name, layer: null };
}

/** What a run delivers: the vocabulary (with the mixture-of-experts nodes), everything, or these names; of all layers or these. */
export interface Selection {
  stages: 'vocabulary' | 'all' | readonly string[];
  layers?: readonly number[] | undefined;
}

/** Whether a stage comes. */
export interface Wants {
  (stage: string, layer: number | null): boolean;
  /** Whether norms may: what one of them is called is known only when the next node is seen. */
  readonly mayWantNorms: boolean;
}

export function selector({ stages, layers }: Selection): Wants {
  const isChosen = chooserOf(stages);
  const inLayers = layers && new Set(layers);
  const wants = (stage: string, layer: number | null) =>
    isChosen(stage) && (layer === null || !inLayers || inLayers.has(layer));
  return Object.assign(wants, { mayWantNorms: typeof stages === 'string' || stages.some(mayBeNorm) });
}

function chooserOf(stages: Selection['stages']): (stage: string) => boolean {
  if (stages === 'all') return () => true;
  if (stages === 'vocabulary') return isInVocabulary;
  const names = new Set(stages);
  return (stage) => names.has(stage);
}
