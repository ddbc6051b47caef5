import type { Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import { rowOf } from '../metrics.js';
import { firstPositions } from '../scores.js';

/** Where a run applies the scale of its scores, as its own rows say. */
export interface AttentionScale {
  /** c in kq = c · ⟨q, k⟩ */
  readonly before: number;
  /** s in softmax(s · kq) */
  readonly within: number;
}

const STAGES = ['q_rope', 'k_rope', 'kq', 'kq_soft_max'] as const;
type Layer = Partial<Record<(typeof STAGES)[number], Tensor>>;

/** The last rows see the most; a few of them are enough for one number. */
const ROWS = 4;
/** Below, an f16 of a probability has no bits left. */
const LEAST = 1e-4;
/** A fit leaves at most this of what it fits, squared; 16 bits of each value leave 1e-5. */
const LEFT = 1e-3;

/**
 * The scale of each layer in which both can be told from the prompt's first pass.
 *
 * @returns by layer
 */
export async function attentionScales(
  tensors: AsyncIterable<Tensor>,
  graph: Graph,
): Promise<ReadonlyMap<number, AttentionScale>> {
  const scales = new Map<number, AttentionScale>();
  const open = new Map<number, Layer>();
  for await (const tensor of tensors) {
    const name = STAGES.find((stage) => stage === tensor.stage);
    if (!name || tensor.layer === null || tensor.step !== 0 || tensor.positions[0] !== 0) continue;
    const layer = { ...open.get(tensor.layer), [name]: tensor };
    open.set(tensor.layer, layer);
    if (STAGES.some((stage) => !layer[stage])) continue;
    open.delete(tensor.layer);
    const scale = scaleOf(layer as Required<Layer>, graph);
    if (scale) scales.set(tensor.layer, scale);
  }
  return scales;
}

function scaleOf(
  { q_rope: q, k_rope: k, kq, kq_soft_max: weights }: Required<Layer>,
  graph: Graph,
): AttentionScale | undefined {
  const [heads, headsKv] = [graph.headsOf('q_rope'), graph.headsOf('k_rope')];
  const tokens = q.positions.length;
  if (!heads || !headsKv || [k, kq, weights].some(({ positions }) => positions.length !== tokens)) return undefined;
  const dim = q.width / heads;
  if (k.width !== headsKv * dim) return undefined;
  const [before, within] = [new Fit(), new Fit()];
  for (let row = Math.max(1, tokens - ROWS); row < tokens; row++) {
    const [scores, chances] = [kq, weights].map((tensor) => firstPositions(rowOf(tensor, row), heads, tokens));
    if (!scores || !chances) return undefined;
    for (let head = 0; head < heads; head++) {
      const at = head * tokens;
      const queries = rowOf(q, row).subarray(head * dim, (head + 1) * dim);
      const group = Math.floor((head * headsKv) / heads) * dim;
      const seen = { scores: scores.subarray(at, at + row + 1), chances: chances.subarray(at, at + row + 1) };
      const best = seen.chances.indexOf(Math.max(...seen.chances));
      for (let key = 0; key <= row; key++) {
        const keys = rowOf(k, key).subarray(group, group + dim);
        before.add(
          queries.reduce((sum, value, i) => sum + value * (keys[i] as number), 0),
          seen.scores[key] as number,
        );
        const [own, most] = [seen.chances[key] as number, seen.chances[best] as number];
        if (own < LEAST) continue; // hidden by a window, too
        within.add((seen.scores[key] as number) - (seen.scores[best] as number), Math.log(own / most));
      }
    }
  }
  const scale = { before: before.factor, within: within.factor };
  return scale.before && scale.within ? (scale as AttentionScale) : undefined;
}

/** Least squares of y = factor · x. */
class Fit {
  private xx = 0;
  private xy = 0;
  private yy = 0;

  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.xx += x * x;
    this.xy += x * y;
    this.yy += y * y;
  }

  /** undefined where one factor does not explain it. */
  get factor(): number | undefined {
    const factor = this.xy / this.xx;
    return factor > 0 && this.yy - factor * this.xy <= LEFT * this.yy ? factor : undefined;
  }
}
