import { limitOf, type StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { ruleAt, type StageLimit } from '../judge/stage-limits.js';
import type { Baseline, BaselineStage } from './baseline.js';
import { distance, SPREAD } from './projections.js';
import type { SketchedStage } from './sketch.js';

/** How much larger than a stage's delta its estimate may come out: three standard deviations. */
export const SLACK = 1 + 3 * SPREAD;

export interface Rules {
  readonly margin: number;
  readonly minimum: number;
  readonly limits?: readonly StageLimit[] | undefined;
}

/**
 * Each stage's delta from the baseline's reference, estimated from projections. Only the relative RMS delta of the whole stage can be
 * told this way: what needs the values is NaN. Limits are larger by as much as an estimate may be off.
 */
export function estimateStages(
  baseline: Baseline,
  sketches: ReadonlyMap<string, SketchedStage>,
  { margin, minimum, limits }: Rules,
): StageResult[] {
  const rule = ruleAt({ margin, minimum }, limits);
  const known = new Map(baseline.stages.map((stage) => [stageKey(stage), stage]));
  return [...sketches.values()]
    .sort((a, b) => a.step - b.step || a.order - b.order)
    .map((sketch) => {
      const stage = known.get(stageKey(sketch));
      const floor = stage?.floor == null ? undefined : { rel: stage.floor, row: 0, value: 0 };
      const plain = limitOf(floor, typeof rule === 'function' ? rule(sketch) : rule);
      const limit = plain.rel * SLACK;
      return resultOf(sketch, stage, limit);
    });
}

function resultOf(sketch: SketchedStage, stage: BaselineStage | undefined, limit: number): StageResult {
  const { step, layer, stage: name, order, rows, width, values, nonFinite } = sketch;
  const reference = (stage?.referenceRms ?? Number.NaN) * Math.sqrt(values);
  const off = stage ? distance(sketch.projections, stage.reference) : Number.NaN;
  const rel = off === 0 ? 0 : off / reference;
  const result = {
    step,
    layer,
    stage: name,
    order,
    shape: [rows, width] as const,
    count: values,
    rms: off / Math.sqrt(Math.max(1, values)),
    rel,
    referenceRms: stage?.referenceRms ?? Number.NaN,
    maxAbs: Number.NaN,
    worst: null,
    cosine: Number.NaN,
    sqnr: -20 * Math.log10(rel),
    distance: Number.NaN,
    nan: { candidate: nonFinite, reference: 0 },
    inf: { candidate: 0, reference: 0 },
    firstNonFinite: null,
    floor: stage?.floor ?? null,
    limit,
    limits: { rel: limit, row: Number.POSITIVE_INFINITY, value: Number.POSITIVE_INFINITY },
    ofLimit: nonFinite > 0 ? Number.POSITIVE_INFINITY : rel / limit,
    local: null,
    inherits: null,
    worstRow: null,
    token: null,
    where: null,
  };
  if (!stage) return { ...result, verdict: 'incomparable', reason: 'the baseline does not have it' };
  if (stage.values !== values || stage.rows !== rows) {
    const reason = `it has ${values} values in ${rows} rows, and ${stage.values} in ${stage.rows} in the baseline`;
    return { ...result, verdict: 'incomparable', reason };
  }
  if (nonFinite > 0) {
    const reason = `${nonFinite} of its ${values} values are not finite, and all are in the reference`;
    return { ...result, verdict: 'diverged', reason };
  }
  return { ...result, verdict: rel <= limit ? 'agree' : 'diverged' };
}
