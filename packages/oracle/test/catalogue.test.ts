import { STAGE_NAMES } from '@llama-probe/dump';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { weightName } from '../src/case.js';
import { CATALOGUE, caseFor, computeStage, type StageCase, type Variation } from '../src/index.js';
import { graphCases, olderCases } from './graph-cases.js';
import { casesOf, tiny } from './tiny-model.js';

const CASES = [
  ...casesOf(tiny(['Q2_K', 'Q3_K', 'IQ4_XS', 'IQ4_NL', 'MXFP4', 'Q5_K'], {})),
  ...casesOf(tiny(['IQ2_XXS', 'IQ1_S', 'IQ3_S', 'IQ1_M', 'IQ2_XS', 'IQ3_XXS'], {})),
  ...casesOf(tiny(['TQ1_0', 'NVFP4', 'TQ2_0', 'Q1_0', 'Q2_0', 'IQ2_S'], {})),
  ...casesOf(tiny(['Q4_K', 'Q6_K', 'Q8_0', 'Q4_0', 'Q5_0', 'Q4_1'], { head: true, freqs: true, bias: true })),
  ...casesOf(tiny(['F16', 'Q5_K', 'BF16', 'Q5_1', 'F32'], {})),
  ...casesOf(tiny(['F32'], { yarn: true })).filter(({ c }) => c.stage.endsWith('_rope')),
  ...casesOf(tiny(['F32'], { bias: true })).filter(({ c }) => /^[qkv]_proj$/.test(c.stage)),
  ...graphCases(),
  ...olderCases(),
];
const ofStage = (stage: string) => CASES.filter(({ c }) => c.stage === stage || c.operation?.role === stage);

/** The largest change against the right rows; Infinity where one of them is NaN. */
function change(c: StageCase, v: Variation): number {
  const sick = computeStage(c, v, ofColumns(c));
  return rightOf(c).reduce((most, want, i) => {
    const got = sick[i] as number;
    if (Number.isNaN(want)) return most;
    return Math.max(most, Number.isFinite(got) ? Math.abs(got - want) : Number.POSITIVE_INFINITY);
  }, 0);
}

const known = new Map<StageCase, Float64Array>();

function rightOf(c: StageCase): Float64Array {
  const right = known.get(c) ?? computeStage(c, {}, ofColumns(c));
  known.set(c, right);
  return right;
}

// of a product, every eighth column and the last: columns are what costs time
const ofColumns = (c: StageCase): Int32Array | undefined => {
  const width = c.model.weight(weightName(c) ?? '')?.rows ?? 0;
  return width === 0 || c.stage === 'embd'
    ? undefined
    : Int32Array.from({ length: 17 }, (_, i) => (i * (width - 1)) >> 4);
};

describe('the catalogue', () => {
  test('has an id in kebab-case for each bug, once', () => {
    const ids = CATALOGUE.map(({ id }) => id);
    expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says of each bug what a person needs, and where it is known from', () => {
    for (const { id, title, changes, look, source, stages } of CATALOGUE) {
      expect(title.length, id).toBeLessThan(90);
      expect(changes, id).toMatch(/\.$/);
      expect(look, id).toMatch(/\w/);
      expect(source, id).toMatch(/^([\w.-]+\/[\w.-]+#\d+|common port error|rustorch's notes)$/);
      expect(stages.length, id).toBeGreaterThan(0);
      for (const stage of stages)
        if (!stage.startsWith('ffn_moe_')) expect(['tokens', ...STAGE_NAMES]).toContain(stage);
    }
  });

  test('has no variants, and no example, at a stage that is not the bug’s', () => {
    for (const bug of CATALOGUE) {
      const others = CASES.filter(({ c }) => !caseFor(bug, c)).map(({ c }) => c);
      const having = others.filter(
        (c) => !bug.variants(c)[Symbol.iterator]().next().done || bug.example(c) !== undefined,
      );
      expect(
        having.map(({ stage }) => stage),
        bug.id,
      ).toEqual([]);
    }
  });
});

describe.each(CATALOGUE.filter(({ stages }) => stages[0] !== 'tokens'))('$id', (bug) => {
  test('changes each stage where it has variants', () => {
    for (const stage of bug.stages) {
      const varied = ofStage(stage).flatMap(({ c }) =>
        [...bug.variants(c)].map(({ variation }) => [c, variation] as const),
      );
      const changes = ([c, variation]: (typeof varied)[number]) => change(c, variation) > 1e-6;
      // A long run computes all of them, another one until the first that changes it.
      if (varied.length) expect(isLong ? varied.filter(changes).length > 0 : varied.some(changes), stage).toBe(true);
    }
  });

  test('has an example that differs at one of its stages, of the same shape as the right rows', () => {
    const cases = bug.stages.flatMap(ofStage).filter(({ c }) => bug.example(c));
    expect(cases.length).toBeGreaterThan(0);
    expect(cases.some(({ c }) => change(c, bug.example(c) as Variation) > 1e-6)).toBe(true);
    const { c, right } = cases[0] as (typeof CASES)[number];
    expect(computeStage(c, bug.example(c)).length).toBe(right.length);
  });

  if (bug.search) {
    const { range, right, variation } = bug.search;
    test('searches between two bounds, and the right value is right', () => {
      for (const { c } of bug.stages.flatMap(ofStage)) {
        const [low, high] = range(c);
        expect(low).toBeLessThanOrEqual(high);
        expect(change(c, variation(right(c), c)), c.stage).toBeLessThan(1e-9);
      }
    });
  }
});
