import type { Tensor } from '@llama-probe/dump';
import { headsFromSum } from '../invariants/softmax.js';
import { rowOf } from '../metrics.js';
import { describe } from '../words.js';
import { besides, digits, type Noted } from './observation.js';

/** The entropies of one layer in one step, by token. */
export interface LayerEntropy {
  readonly step: number;
  readonly layer: number | null;
  readonly order: number;
  /** The mean over the heads, in nats, and the most that it can be. */
  readonly rows: Map<number, { entropy: number; most: number }>;
}

const EVERY = 16; // of a long prompt: as many logarithms as probabilities take long
const ALL = 64; // tokens before that
const VISIBLE = 4; // positions; of fewer an entropy says little
const UNIFORM = 0.95; // of the most that it can be
/** Entropies of two healthy sides are nearer than that, of the most. */
const APART = 0.1;

export class AttentionRows {
  readonly layers = new Map<string, LayerEntropy>();

  constructor(private readonly heads: number | undefined) {}

  add(tensor: Tensor): void {
    const { step, layer, order, positions, width } = tensor;
    for (let i = 0; i < positions.length; i++) {
      const token = positions[i] as number;
      if (token >= ALL && token % EVERY > 0) continue;
      const row = rowOf(tensor, i);
      const heads = this.heads && width % this.heads === 0 ? this.heads : headsFromSum(row);
      if (heads === undefined) continue;
      const visible = Math.min(token + 1, width / heads);
      const entropy = visible < VISIBLE ? Number.NaN : entropyOf(row, heads, visible);
      if (Number.isNaN(entropy)) continue;
      const key = `${step}/${layer ?? '-'}`;
      const known = this.layers.get(key) ?? { step, layer, order, rows: new Map() };
      this.layers.set(key, known);
      known.rows.set(token, { entropy, most: Math.log(visible) });
    }
  }
}

/**
 * −Σ p·ln p of each head, the mean of them; NaN where it is no row of probabilities.
 *
 * @param row (heads, n_kv)
 * @example entropyOf(Float32Array.of(0.5, 0.5, 0, 1, 0, 0), 2, 2) // ln 2 and 0: 0.347
 */
export function entropyOf(row: Float32Array, heads: number, visible: number): number {
  const nKv = row.length / heads;
  let total = 0;
  for (let head = 0; head < heads; head++) {
    let sum = 0;
    let plogp = 0;
    for (let i = head * nKv; i < head * nKv + visible; i++) {
      const p = row[i] as number;
      sum += p;
      if (p !== 0) plogp += p * Math.log(p); // NaN where p is negative
    }
    // Of p / sum, as the probabilities of a sick side need not sum to 1.
    total += Math.log(sum) - plogp / sum;
  }
  return total / heads;
}

/** Layers whose attention is nearly the same for all positions, or is another than the reference's. */
export function* observeAttention(
  candidate: ReadonlyMap<string, LayerEntropy>,
  reference: ReadonlyMap<string, LayerEntropy>,
  name: string,
): Generator<Noted> {
  for (const [key, layer] of candidate) {
    const other = reference.get(key);
    const common = [...layer.rows.keys()].filter((token) => other?.rows.has(token));
    const tokens = common.length > 0 ? common : [...layer.rows.keys()];
    const [ours, theirs] = [meanOf(layer, tokens), other && common.length > 0 ? meanOf(other, tokens) : undefined];
    const differs = theirs !== undefined && Math.abs(ours.entropy - theirs.entropy) > APART * ours.most;
    const uniform = ours.entropy >= UNIFORM * ours.most;
    if (!uniform && !differs) continue;
    const place = { step: layer.step, layer: layer.layer, stage: 'kq_soft_max' };
    const so = uniform ? ', nearly uniform' : theirs && theirs.entropy > ours.entropy ? ', sharper' : ', flatter';
    yield {
      ...place,
      kind: uniform ? 'uniform-attention' : 'attention-entropy',
      order: layer.order,
      candidate: ours.entropy,
      reference: theirs?.entropy ?? null,
      scale: ours.most,
      text: `${describe(place)}: softmax entropy ${digits(ours.entropy)} of ${digits(ours.most)} nats${so}; ${besides(name, theirs && digits(theirs.entropy), differs)}.`,
      differs,
    };
  }
}

function meanOf({ rows }: LayerEntropy, tokens: readonly number[]): { entropy: number; most: number } {
  const sum = { entropy: 0, most: 0 };
  for (const token of tokens) {
    sum.entropy += (rows.get(token)?.entropy ?? 0) / tokens.length;
    sum.most += (rows.get(token)?.most ?? 0) / tokens.length;
  }
  return sum;
}
