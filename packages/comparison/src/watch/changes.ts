import type { StageId, StageResult, Verdict } from '@llama-probe/diff';
import { idOf, stageKey } from '@llama-probe/dump/stage';
import type { Report } from '../report.js';
import type { Changes, Direction, Measured, NamedCause, StageChange } from './change.js';
import { summarize } from './summary.js';

/** By how much a delta must differ from the one before. A kernel that adds in another order moves its noise by less. */
export const FACTOR = 2;

/** One ulp of 1 in f32: deltas below it are noise where no floor was measured. */
const ULP = 2 ** -23;

/** How two runs of the same comparison differ, beyond noise. */
export function changesBetween(before: Report, after: Report): Changes {
  const known = new Map(before.stages.map((stage) => [stageKey(stage), stage]));
  const better: StageChange[] = [];
  const worse: StageChange[] = [];
  const appeared: StageId[] = [];
  for (const stage of after.stages) {
    const old = known.get(stageKey(stage));
    if (!old) {
      appeared.push(idOf(stage));
      continue;
    }
    known.delete(stageKey(stage));
    const sign = compareStage(old, stage);
    if (sign !== 0) (sign < 0 ? better : worse).push(changeOf(old, stage));
  }
  const vanished = [...known.values()].map(idOf);
  const changes = {
    verdict: { before: before.verdict, after: after.verdict },
    better,
    worse,
    appeared,
    vanished,
    first: { before: before.first && idOf(before.first), after: after.first && idOf(after.first) },
    moved: moved(before, after),
    causes: { gone: causesOnlyOf(before, after), come: causesOnlyOf(after, before) },
    otherTokens: before.tokens.join() !== after.tokens.join(),
  };
  const direction = directionOf(changes);
  return { direction, summary: summarize({ direction, ...changes }), ...changes };
}

/** From right to wrong. What only inherits is less than a fault of its own; what cannot be compared tells nothing. */
const rank = ({ verdict, inherits }: StageResult): number =>
  verdict === 'agree' ? 0 : verdict === 'incomparable' ? 3 : inherits ? 1 : 2;

/** @returns below 0 where it got better, above 0 where it got worse, 0 where the difference may be noise */
function compareStage(before: StageResult, after: StageResult): number {
  if (rank(before) !== rank(after)) return rank(after) - rank(before);
  const noise = Math.max(ULP, before.floor ?? 0, after.floor ?? 0);
  const [old, now] = deltas(before, after).map((delta) => Math.max(noise, delta)) as [number, number];
  return now > FACTOR * old ? 1 : old > FACTOR * now ? -1 : 0;
}

/** A stage's own error, where both runs have it: in a free run one that inherits changes with what it inherits from. */
function deltas(before: StageResult, after: StageResult): [number, number] {
  const isOwn = before.local !== null && after.local !== null;
  return [number(isOwn ? before.local : sizeOf(before)), number(isOwn ? after.local : sizeOf(after))];
}

/** A sum leaves out what is not finite. */
const sizeOf = (stage: StageResult): number | null => (stage.firstNonFinite ? Number.NaN : stage.rel);

/** NaN, also as JSON has it, is as wrong as can be. */
const number = (value: number | null): number =>
  value === null || Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;

function changeOf(before: StageResult, after: StageResult): StageChange {
  const [old, now] = deltas(before, after);
  const measured = ({ verdict, limit, inherits }: StageResult, delta: number): Measured => {
    return { verdict, delta, limit, inherits };
  };
  return { ...idOf(after), before: measured(before, old), after: measured(after, now) };
}

function moved({ first: before }: Report, { first: after }: Report): Changes['moved'] {
  if (!before || !after || stageKey(before) === stageKey(after)) return null;
  return after.step - before.step || after.order - before.order > 0 ? 'later' : 'earlier';
}

/** Every cause that a report names, once. */
function causes({ faults, first }: Report): Map<string, NamedCause> {
  const found = new Map<string, NamedCause>();
  for (const at of [...(faults ?? []), ...(first ? [first] : [])]) {
    if (!at.cause || found.has(at.cause.id)) continue;
    const { id, title, confidence } = at.cause;
    found.set(id, { ...idOf(at), cause: { id, title, confidence } });
  }
  return found;
}

function causesOnlyOf(one: Report, other: Report): NamedCause[] {
  const known = causes(other);
  return [...causes(one).values()].filter(({ cause }) => !known.has(cause.id));
}

const VERDICTS: readonly Verdict[] = ['agree', 'diverged', 'incomparable'];

function directionOf({ verdict, better, worse }: Pick<Changes, 'verdict' | 'better' | 'worse'>): Direction {
  const change = VERDICTS.indexOf(verdict.after) - VERDICTS.indexOf(verdict.before);
  const isBetter = change < 0 || better.length > 0;
  const isWorse = change > 0 || worse.length > 0;
  return isBetter && isWorse ? 'mixed' : isBetter ? 'better' : isWorse ? 'worse' : 'same';
}
