import { expect } from 'vitest';
import type { Report } from '../../packages/probe/src/index.js';
import { nameOf, upstreamOf } from './upstream.js';

/** Of the bundled model. */
export const LAYERS = 4;
export const inEveryLayer = (...stages: readonly string[]): string[] =>
  Array.from({ length: LAYERS }, (_, layer) => stages.map((stage) => `${stage} ${layer}`)).flat();

type Stage = Report['stages'][number];

/** The stages with a fault of their own, at each step. */
function faultyIn({ faults, stages }: Report): Stage[] {
  const names = new Set(faults?.flatMap(({ steps, ...at }) => steps.map((step) => nameOf({ ...at, step }))));
  return stages.filter((stage) => names.has(nameOf(stage)));
}

/** Of two stages the one that was evaluated later. */
const later = (a: Stage | undefined, b: Stage): Stage => (!a || b.order > a.order ? b : a);

/** Every stage that diverged has a fault of its own, or inherits from the last stage upstream of it that has one. */
export function expectInheritance(report: Report): void {
  const faulty = faultyIn(report);
  for (const stage of report.stages) {
    const at = nameOf(stage);
    if (faulty.includes(stage)) {
      expect(stage.inherits, at).toBeNull();
      continue;
    }
    expect(stage.local, `local delta of ${at}`).toBeLessThanOrEqual(stage.limit);
    if (stage.verdict === 'agree') {
      expect(stage.inherits, at).toBeNull();
      continue;
    }
    const upstream = upstreamOf(stage, LAYERS);
    const origin = faulty.filter((fault) => upstream.has(nameOf(fault))).reduce(later, undefined as Stage | undefined);
    expect(origin, `a fault upstream of ${at}`).toBeDefined();
    expect(stage.inherits && nameOf(stage.inherits), at).toBe(origin && nameOf(origin));
  }
}

/** The faults are these, at these steps, each with where it is; the first one is the first, and all else that diverged inherits. */
export function expectFaults(json: Report, wanted: readonly string[], steps: readonly number[]): void {
  expect(
    json.faults?.map(({ stage, layer }) => `${stage} ${layer}`),
    `${json.reason}`,
  ).toEqual(wanted);
  for (const fault of json.faults ?? []) {
    expect(fault.steps).toEqual(steps);
    expect(fault.local, nameOf(fault)).toBeGreaterThan(fault.limit);
    expect(fault.where?.text.length).toBeGreaterThan(0);
  }
  expectInheritance(json);
  const inheriting = json.stages.filter(({ inherits }) => inherits);
  expect(inheriting.length).toBeGreaterThan(10);
  const [first] = json.faults ?? [];
  expect(json.first).toMatchObject({
    order: first?.order,
    step: first?.step,
    layer: first?.layer,
    stage: first?.stage,
    token: first?.token,
    where: first?.where,
  });
  expect(json.reason).toContain(`${json.faults?.length} stages have a fault of their own`);
  expect(json.reason).toContain(`the other ${inheriting.length} that diverged inherit it`);
  expect(json.decode.firstDiverged).toBe(steps[0]);
  expect(json.verdict).toBe('diverged');
}
