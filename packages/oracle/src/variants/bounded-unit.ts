import { inputOf, operationOf, type StageCase } from '../case.js';
import { concat, mapRows, rowOf } from '../operations.js';
import type { Variation } from '../variation.js';

/**
 * ffn_moe_swiglu_oai: g · σ(α g) · (u + 1), where g is the gate, at most the limit, and u is up, within ± the limit.
 *
 * @returns as the inputs
 * Source: OpenAI 2025, "gpt-oss-120b & gpt-oss-20b Model Card", arXiv:2508.10925 §2, and the reference code that it names.
 * @example computeBoundedUnit(c, { activation: { bounds: 'missing' } })
 */
export function computeBoundedUnit(c: StageCase, { activation: v }: Variation): Float64Array {
  const { alpha: own = 1, limit = Number.POSITIVE_INFINITY } = operationOf(c).bounded ?? {};
  const alpha = v?.alpha ?? own;
  const raised = v?.raised === 'missing' ? 0 : 1;
  const within = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
  const unit = (gate: number, up: number): number => {
    const low = v?.bounds === 'gate-below' ? -limit : Number.NEGATIVE_INFINITY;
    const isFree = v?.bounds === 'missing';
    const g = isFree || v?.bounds === 'up-alone' ? gate : within(gate, low, limit);
    const u = isFree ? up : within(up, -limit, limit);
    return (g / (1 + Math.exp(-alpha * g))) * (u + raised);
  };
  const [gates, ups] = [inputOf(c, 0), inputOf(c, 1)];
  const { part: width = gates.length / c.rows } = operationOf(c);
  return mapRows(gates, width, (gate, row) => {
    const up = rowOf(ups, width, row);
    if (v?.combine === 'interleaved') {
      const both = concat([gate, up]);
      return gate.map((_, i) => unit(both[2 * i] as number, both[2 * i + 1] as number));
    }
    return gate.map((g, i) => (v?.combine === 'exchanged' ? unit(up[i] as number, g) : unit(g, up[i] as number)));
  });
}
