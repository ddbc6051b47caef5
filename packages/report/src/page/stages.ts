import type { Report } from '@llama-probe/comparison';
import { graphIn, type StageId, type StageResult } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import { type PagePlace, pack, type StageColumns } from '@llama-probe/page';

/** The stages of a report by their numbers: places in evaluation order, and a column for each thing known of a stage. */
export interface Numbered {
  readonly places: readonly PagePlace[];
  readonly columns: StageColumns;
  /** The number of a stage; null where the report has no such stage. */
  stageAt(id: StageId): number | null;
  /** The number of its place. */
  placeAt(id: StageId): number | null;
}

export function numbered({ stages, graph: told }: Pick<Report, 'stages' | 'graph'>): Numbered {
  const ids = new Map<string, number>();
  const firsts: StageResult[] = [];
  for (const stage of stages) {
    if (ids.has(placeKey(stage))) continue;
    ids.set(placeKey(stage), ids.size);
    firsts.push(stage);
  }
  const graph = graphIn(told, firsts).within((place) => ids.has(placeKey(place)));
  const numbers = new Map(stages.map((stage, at) => [stageKey(stage), at]));
  const stageAt = (id: StageId) => numbers.get(stageKey(id)) ?? null;
  const placeAt = (id: StageId) => ids.get(placeKey(id)) ?? null;
  const column = (value: (stage: StageResult) => number) => pack(stages.map(value));
  return {
    places: firsts.map(({ stage, layer }) => ({
      stage,
      layer,
      inputs: graph.inputsOf({ stage, layer }).flatMap((input) => ids.get(placeKey(input)) ?? []),
    })),
    columns: {
      step: stages.map(({ step }) => step),
      place: stages.map((stage) => ids.get(placeKey(stage)) as number),
      rms: column((stage) => finite(stage, stage.rms)),
      rel: column((stage) => finite(stage, stage.rel)),
      floor: column(({ floor }) => floor ?? -1),
      limit: column(({ limit }) => limit),
      ofLimit: column(({ ofLimit }) => ofLimit),
      local: column(({ local }) => local ?? -1),
      verdict: stages.map(({ verdict }) => verdict[0]).join(''),
      inherits: stages.map(({ inherits }) => (inherits ? (stageAt(inherits) ?? -1) : -1)),
    },
    stageAt,
    placeAt,
  };
}

/** Sums leave out what is not finite: without it they are no measure of the stage. */
const finite = ({ firstNonFinite }: StageResult, sum: number): number => (firstNonFinite ? Number.NaN : sum);
