import { inShort } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { StageCase } from '../../src/case.js';
import { diagnose } from '../../src/diagnose/diagnose.js';
import { graphCases } from '../graph-cases.js';
import { PERTURBATIONS, type Perturbation } from './perturbations.js';
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

/** A case with the rows of an engine that is right, and those of another one, which become wrong. */
const tried = (c: StageCase, limit: number) => ({ c, limit, right: engineRows(c), other: engineRows(c, {}, 7) });
const CASES = TRIED.flatMap(([limit, stages]) => stages.split(' ').map((stage) => tried(randomCase(stage), limit)));
const GRAPH_CASES = graphCases().flatMap(({ c }) => (GRAPH.includes(c.stage) ? tried(c, 1e-5) : []));

describe('what is not in the catalogue is never confirmed', () => {
  const confirmed = async (cases: typeof CASES, perturb: Perturbation): Promise<string[]> => {
    const names: string[] = [];
    for (const { c, limit, right, other } of cases) {
      const sick = other.slice();
      perturb(sick, sick.length / c.rows, random(3));
      const { confidence, text } = await diagnose(c, sick, right, { limits: limitsOf(limit), budgetMs: 20 });
      if (confidence === 'confirmed') names.push(`${c.stage}: ${text}`);
    }
    return names;
  };

  for (const [name, perturb] of inShort(Object.entries(PERTURBATIONS), 12)) {
    test(name, async () => {
      expect(await confirmed(CASES, perturb)).toEqual([]);
    });
  }

  for (const [name, perturb] of inShort(Object.entries(PERTURBATIONS), 4)) {
    test(`${name}, in another architecture`, async () => {
      expect(await confirmed(GRAPH_CASES, perturb)).toEqual([]);
    });
  }
});
