import { isInVocabulary } from '@llama-probe/dump/stage';
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
  stage: string;
  until?: 'consumer' | 'bias' | 'mask';
  layout?: 'heads';
  /** The first dimension is n_kv, padded. */
  cache?: true;
}

/** What RMS_NORM `norm` is called, by the node that multiplies it with its weight. */
const NORMS: Readonly<Record<string, string>> = {
  attn_norm: 'attn_rms',
  ffn_norm: 'ffn_rms',
  result_norm: 'result_rms',
};

// The first row that fits counts.
const RULES: readonly Rule[] = [
  { node: 'norm', ops: ['RMS_NORM'], stage: 'norm', until: 'consumer' },
  { node: 'Qcur', ops: ['MUL_MAT'], stage: 'q_proj', until: 'bias' },
  { node: 'Kcur', ops: ['MUL_MAT'], stage: 'k_proj', until: 'bias' },
  { node: 'Vcur', ops: ['MUL_MAT'], stage: 'v_proj', until: 'bias' },
  // a VIEW where one matrix makes Q, K and V
  { node: 'Qcur', ops: ['ADD', 'VIEW'], stage: 'q_proj' },
  { node: 'Kcur', ops: ['ADD', 'VIEW'], stage: 'k_proj' },
  { node: 'Vcur', ops: ['ADD', 'VIEW'], stage: 'v_proj' },
  { node: 'Qcur', ops: ['ROPE'], stage: 'q_rope' },
  { node: 'Kcur', ops: ['ROPE'], stage: 'k_rope' },
  { node: 'kq', ops: ['MUL_MAT'], stage: 'kq', until: 'mask', layout: 'heads', cache: true },
  { node: 'kq_soft_max', ops: ['SOFT_MAX'], stage: 'kq_soft_max', layout: 'heads', cache: true },
  { node: 'kqv', stage: 'kqv', layout: 'heads' },
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

/** The stage of a node; undefined where it computes nothing or llama.cpp gave it no name. */
export function matchNode(node: GraphNode): Match | undefined {
  const [, block, part] = /^blk\.(\d+)\.attn_output\.(weight|bias)$/.exec(node.weight ?? '') ?? [];
  if (part) return { stage: 'attn_out', layer: Number(block), ...(part === 'weight' ? { until: 'bias' } : {}) };
  const { base, layer } = splitName(node.name);
  const rule = RULES.find((row) => row.node === base && (!row.ops || row.ops.includes(node.op)));
  if (rule) {
    const { node: _, ops: __, ...match } = rule;
    return { ...match, layer };
  }
  const anonymous = base === 'node' || base === 'leaf' || base === '' || base.includes(' ') || /^node_\d+$/.test(base);
  if (anonymous || NO_COMPUTATION.has(node.op)) return undefined;
  return { stage: base, layer };
}

/** Whether a stage by this match may turn out to be one of these. */
export function mayBe(
  { stage, layer, until }: Match,
  wants: (stage: string, layer: number | null) => boolean,
): boolean {
  return wants(stage, layer) || (until === 'consumer' && Object.values(NORMS).some((name) => wants(name, layer)));
}

/**
 * What a match is, by the node that comes next: a product that gets its bias there is no stage, and a norm is called after who
 * uses it. The `mask` is still to come.
 */
export function settleMatch(match: Match, node: GraphNode, next: GraphNode | undefined): Match | undefined {
  const { until, ...settled } = match;
  const follows = next?.sources.includes(node.address) ?? false;
  if (until === 'mask') return match;
  if (until === 'bias') return follows && next?.op === 'ADD' && isSame(settled, matchNode(next)) ? undefined : settled;
  if (until === 'consumer' && follows && next) {
    return { ...settled, stage: NORMS[splitName(next.name).base] ?? match.stage };
  }
  return settled;
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

export function selector({ stages, layers }: Selection): (stage: string, layer: number | null) => boolean {
  const isChosen = chooserOf(stages);
  const inLayers = layers && new Set(layers);
  return (stage, layer) => isChosen(stage) && (layer === null || !inLayers || inLayers.has(layer));
}

function chooserOf(stages: Selection['stages']): (stage: string) => boolean {
  if (stages === 'all') return () => true;
  if (stages === 'vocabulary') return isInVocabulary;
  const names = new Set(stages);
  return (stage) => names.has(stage);
}
