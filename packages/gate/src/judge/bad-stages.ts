import type { Report } from '@llama-probe/comparison';
import { type CheckName, graphIn, inheritance, type StageId, type StageResult } from '@llama-probe/diff';
import { type Graph, idOf, placeKey, stageKey } from '@llama-probe/dump/stage';
import type { BaselineChanges, Change } from './worsening.js';

/** Which stages are wrong or worse, and which of them may have inherited it. */
export interface BadStages {
  /** Bad by themselves, each place once. */
  readonly roots: readonly StageId[];
  /** Downstream of a root when there was no second run to tell whether they only inherit: those that diverged, and all of them. */
  readonly open: { readonly diverged: readonly StageId[]; readonly all: readonly StageId[] };
}

/** The stages that are wrong, or worse, by themselves. */
export function badStages(report: Report, { worse }: BaselineChanges, factor: number): BadStages {
  const { stages, faults } = report;
  const worsened = new Map(worse.map((change) => [stageKey(change), change]));
  const own = new Set(faults ? faults.map((fault) => stageKey(fault)) : brokenAlone(report));
  const { roots, downstream } = rootsOf(
    stages,
    graphIn(report.graph, stages),
    (stage) => stage.verdict === 'diverged' || worsened.has(stageKey(stage)),
    (stage) => own.has(stageKey(stage)) || isWorseAlone(stage, worsened.get(stageKey(stage)), factor),
    ({ inherits, follows }) => Boolean(inherits ?? follows), // also from what is not among these stages
  );
  // The same place at later steps says nothing new.
  const seen = new Set<string>();
  const all = faults ? [] : downstream;
  return {
    roots: roots.filter((root) => !seen.has(placeKey(root)) && seen.add(placeKey(root))).map(idOf),
    open: { diverged: all.filter(({ verdict }) => verdict === 'diverged').map(idOf), all: all.map(idOf) },
  };
}

/**
 * The bad stages with nothing bad upstream, and every stage downstream of them, bad or not. So what a known fault spoils downstream is
 * not counted again.
 *
 * @param stages every stage of the run, in evaluation order
 * @param isOwn known to be bad by itself, whatever is upstream of it
 * @param isTold known to be computed from a bad one, whether that is among the stages or not
 */
export function rootsOf<T extends StageId>(
  stages: readonly T[],
  graph: Graph,
  isBad: (stage: T) => boolean,
  isOwn: (stage: T) => boolean,
  isTold: (stage: T) => boolean = () => false,
): { readonly roots: readonly T[]; readonly downstream: readonly T[] } {
  const isRoot = (stage: T, from: T | undefined) => isOwn(stage) || (isBad(stage) && !from && !isTold(stage));
  const descent = inheritance(stages, graph, isRoot);
  const of = (stage: T) => descent.get(stageKey(stage));
  const roots = stages.filter((stage) => of(stage)?.origin === stage);
  const isBelow = (stage: T) => of(stage)?.from !== undefined || isTold(stage);
  return { roots, downstream: stages.filter((stage) => of(stage)?.origin !== stage && isBelow(stage)) };
}

/** Worse even with the reference's inputs. */
const isWorseAlone = ({ local }: StageResult, change: Change | undefined, factor: number): boolean =>
  change !== undefined && local !== null && local > factor * change.was;

/** A break of these checks can come from the stage's inputs. */
const NOT_ITS_OWN: ReadonlySet<CheckName> = new Set(['first-value', 'attention-first', 'finite', 'cache']);

/** Diverged stages of the candidate that break a check which holds for any inputs, and which the reference keeps: they inherit nothing. */
function brokenAlone({ stages, checks: { candidate, reference } }: Report): string[] {
  const key = (one: StageId & { readonly check: CheckName }) => `${one.check}/${placeKey(one)}`;
  const theirs = new Set(reference.broken.map(key));
  const ours = candidate.broken.filter((one) => !NOT_ITS_OWN.has(one.check) && !theirs.has(key(one)));
  const diverged = new Set(stages.filter(({ verdict }) => verdict === 'diverged').map((stage) => stageKey(stage)));
  return ours.map((one) => stageKey(one)).filter((key) => diverged.has(key));
}
