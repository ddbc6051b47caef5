import { inShort } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.js';
import { graphCases } from '../graph-cases.js';
import { PERTURBATIONS } from './perturbations.js';
import { engineRows, limitsOf, random, randomCase } from './random-cases.js';

/** How far rows may be, and the stages that are tried: where llama.cpp is as shipped the limit is wide. */
const TRIED: readonly [number, string][] = [
  [1e-5, 'embd attn_rms attn_norm q_proj q_rope kq_soft_max kqv_out ffn_swiglu l_out result_output'],
  [1e-2, 'attn_norm k_proj k_rope ffn_out'],
];

/** Of a model that has what Llama has not: sinks, a window, soft-caps, norms of Q and K, factors, GELU, a router with a bias. */
const GRAPH =
  'attn_rms q_rope k_rope kq_soft_max kqv_out ffn_inp ffn_rms ffn_moe_probs ffn_moe_gate ffn_moe_swiglu_oai ffn_moe_weighted ffn_moe_out ffn_swiglu l_out'.split(
    ' ',
  );
const GRAPH_CASES = graphCases().filter(({ c }) => GRAPH.includes(c.stage));

describe('what is not in the catalogue is never confirmed', () => {
  for (const [name, perturb] of inShort(Object.entries(PERTURBATIONS), 15)) {
    test(name, async () => {
      const confirmed: string[] = [];
      for (const [limit, stage] of TRIED.flatMap(([limit, stages]) =>
        stages.split(' ').map((s) => [limit, s] as const),
      )) {
        const c = randomCase(stage);
        const sick = engineRows(c, {}, 7);
        perturb(sick, sick.length / c.rows, random(3));
        const { confidence, text } = await diagnose(c, sick, engineRows(c), { limits: limitsOf(limit), budgetMs: 20 });
        if (confidence === 'confirmed') confirmed.push(`${stage}: ${text}`);
      }
      expect(confirmed).toEqual([]);
    });
  }

  for (const [name, perturb] of inShort(Object.entries(PERTURBATIONS), 5)) {
    test(`${name}, in another architecture`, async () => {
      const confirmed: string[] = [];
      for (const { c } of GRAPH_CASES) {
        const sick = engineRows(c, {}, 7);
        perturb(sick, sick.length / c.rows, random(3));
        const { confidence, text } = await diagnose(c, sick, engineRows(c), { limits: limitsOf(1e-5), budgetMs: 20 });
        if (confidence === 'confirmed') confirmed.push(`${c.stage}: ${text}`);
      }
      expect(confirmed).toEqual([]);
    });
  }
});
