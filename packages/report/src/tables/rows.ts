import type { Report } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';

export type Cell = string | number | boolean | null;
/** A `time` is milliseconds since 1970, in UTC. */
export type CellType = 'utf8' | 'int32' | 'int64' | 'float64' | 'bool' | 'time';

/** A stage of a run, with what the report says of it elsewhere; `stage` is null for a run of which nothing was compared. */
export interface Row {
  readonly finding: Finding;
  readonly stage: StageResult | null;
  /** null where no run from the reference's inputs tells. */
  readonly isFault: boolean | null;
  readonly cause: { readonly id: string; readonly confidence: string } | null;
}

export interface Column<R = Row> {
  readonly name: string;
  readonly type: CellType;
  readonly of: (row: R) => Cell;
}

const at =
  <T extends Cell>(of: (stage: StageResult) => T) =>
  ({ stage }: Row): T | null =>
    stage && of(stage);

/** The columns of the CSV and the Arrow file. New ones are added at the end: people's queries name them. */
export const COLUMNS: readonly Column[] = [
  { name: 'run', type: 'utf8', of: ({ finding }) => finding.name },
  { name: 'verdict_of_run', type: 'utf8', of: ({ finding }) => finding.verdict },
  { name: 'step', type: 'int32', of: at(({ step }) => step) },
  { name: 'order', type: 'int32', of: at(({ order }) => order) },
  { name: 'layer', type: 'int32', of: at(({ layer }) => layer) },
  { name: 'stage', type: 'utf8', of: at(({ stage }) => stage) },
  { name: 'rows', type: 'int32', of: at(({ shape }) => shape[0]) },
  { name: 'width', type: 'int32', of: at(({ shape }) => shape[1]) },
  { name: 'count', type: 'int64', of: at(({ count }) => count) },
  { name: 'rms', type: 'float64', of: at(({ rms }) => rms) },
  { name: 'rel', type: 'float64', of: at(({ rel }) => rel) },
  { name: 'reference_rms', type: 'float64', of: at(({ referenceRms }) => referenceRms) },
  { name: 'max_abs', type: 'float64', of: at(({ maxAbs }) => maxAbs) },
  { name: 'worst_token', type: 'int32', of: at(({ worst }) => worst?.token ?? null) },
  { name: 'worst_index', type: 'int32', of: at(({ worst }) => worst?.index ?? null) },
  { name: 'cosine', type: 'float64', of: at(({ cosine }) => cosine) },
  { name: 'sqnr', type: 'float64', of: at(({ sqnr }) => sqnr) },
  { name: 'floor', type: 'float64', of: at(({ floor }) => floor) },
  { name: 'limit', type: 'float64', of: at(({ limit }) => limit) },
  { name: 'of_limit', type: 'float64', of: at(({ ofLimit }) => ofLimit) },
  { name: 'local', type: 'float64', of: at(({ local }) => local) },
  { name: 'is_fault', type: 'bool', of: ({ isFault }) => isFault },
  { name: 'inherits_step', type: 'int32', of: at(({ inherits }) => inherits?.step ?? null) },
  { name: 'inherits_layer', type: 'int32', of: at(({ inherits }) => inherits?.layer ?? null) },
  { name: 'inherits_stage', type: 'utf8', of: at(({ inherits }) => inherits?.stage ?? null) },
  { name: 'cause', type: 'utf8', of: ({ cause }) => cause?.id ?? null },
  { name: 'cause_confidence', type: 'utf8', of: ({ cause }) => cause?.confidence ?? null },
  { name: 'token', type: 'int32', of: at(({ token }) => token) },
  { name: 'verdict', type: 'utf8', of: at(({ verdict }) => verdict) },
  { name: 'reason', type: 'utf8', of: ({ finding, stage }) => (stage ? (stage.reason ?? null) : finding.reason) },
];

/** One row per run, step, layer and stage. A run without any has one row, so that it does not vanish. */
export function rowsOf(findings: readonly Finding[]): Row[] {
  return findings.flatMap((finding): Row[] => {
    const { stages } = finding.report;
    if (stages.length === 0) return [{ finding, stage: null, isFault: null, cause: null }];
    const { isFault, causeOf } = lookUp(finding.report);
    return stages.map((stage) => ({ finding, stage, isFault: isFault(stage), cause: causeOf(stage) }));
  });
}

function lookUp({ faults, first }: Report): {
  isFault: (stage: StageResult) => boolean | null;
  causeOf: (stage: StageResult) => Row['cause'];
} {
  const causes = new Map<string, Row['cause']>();
  if (first) causes.set(stageKey(first), first.cause);
  for (const fault of faults ?? []) {
    for (const step of fault.steps) causes.set(stageKey({ ...fault, step }), fault.cause);
  }
  const wrong = new Set(faults?.flatMap((fault) => fault.steps.map((step) => stageKey({ ...fault, step }))));
  return {
    isFault: (stage) => faults && wrong.has(stageKey(stage)),
    causeOf: (stage) => causes.get(stageKey(stage)) ?? null,
  };
}
