import type { StageCase } from '../catalogue/case.js';
import type { Candidate, Diagnosis } from '../diagnose.js';
import { runThatTells } from './apart.js';
import { type Distance, isMostOfIt, leavesAtMost } from './distance.js';
import { isCause, leaves, type Suspect, type Trial } from './suspect.js';
import { confirmedText, hintOf, likelyText, unknownText } from './text.js';

const MOST_CANDIDATES = 5;
const MOST_LEFT = 0.9; // of the error; what leaves more is no candidate

/**
 * Ranks what was tried.
 *
 * @param width of the stage's rows @param before how far the right rows are from the sick ones @param entries how many were tried
 */
export function conclude(
  c: StageCase,
  width: number,
  before: Distance,
  limit: number,
  trials: readonly Trial[],
  entries: number,
): Diagnosis {
  const ranked = bestOfEach([...causesOf(c, trials, limit), ...othersOf(trials, limit)]);
  const candidates = ranked.slice(0, MOST_CANDIDATES).map(candidateOf);
  const [first] = ranked;
  const [candidate] = candidates;
  if (!first || !candidate) {
    return { ...NOTHING, text: unknownText({ distance: before, before, limit }, entries) };
  }
  const finding = { distance: first.distance, before: first.right, limit };
  if (!isCause(first, limit)) {
    return isMostOfIt(first.distance, first.right)
      ? { ...NOTHING, confidence: 'likely', candidates, text: likelyText(candidate, finding) }
      : { ...NOTHING, candidates, text: unknownText(finding, entries, candidate) };
  }
  const rivals = ranked.filter((trial) => trial !== first && isCause(trial, limit)).map(({ suspect }) => suspect);
  const told = rivals.map((rival) => ({ id: keyOf(rival), run: runThatTells(first.suspect, rival, c, width, limit) }));
  const indistinguishable = told.map(({ id }) => id);
  const hint = hintOf(told);
  const text = confirmedText(candidate, finding, told);
  return { confidence: 'confirmed', candidates, indistinguishable, ...(hint ? { hint } : {}), text };
}

const NOTHING = { confidence: 'unknown', candidates: [], indistinguishable: [] } as const;

/** Those that reproduce the rows: of those that do so equally well the simplest first, then as the catalogue has them. */
function causesOf(c: StageCase, trials: readonly Trial[], limit: number): Trial[] {
  const causes = trials.filter((trial) => isCause(trial, limit));
  const closest = Math.min(...causes.map(({ distance }) => distance.rel));
  const isEqual = ({ distance }: Trial) => distance.rel <= Math.max(10 * closest, limit / 10);
  return [
    ...causes.filter(isEqual).sort((a, b) => simplerFirst(c, a.suspect, b.suspect)),
    ...causes.filter((trial) => !isEqual(trial)).sort((a, b) => a.distance.rel - b.distance.rel),
  ];
}

function simplerFirst(c: StageCase, a: Suspect, b: Suspect): number {
  const complexity = ({ with: other, isFitted, parameters, entry }: Suspect) => [
    other ? 1 : 0,
    isFitted ? 1 : 0,
    Object.keys(parameters).length,
    entry.stages.indexOf(c.stage),
  ];
  const [ofA, ofB] = [complexity(a), complexity(b)];
  return ofA.map((x, i) => x - (ofB[i] as number)).find((difference) => difference !== 0) ?? 0;
}

/** Those that take away some of the error, by how much they leave. */
function othersOf(trials: readonly Trial[], limit: number): Trial[] {
  const isSome = ({ distance, right }: Trial) => leavesAtMost(MOST_LEFT, distance, right);
  return trials.filter((trial) => !isCause(trial, limit) && isSome(trial)).sort((a, b) => leaves(a) - leaves(b));
}

function bestOfEach(sorted: readonly Trial[]): Trial[] {
  const best = new Map<string, Trial>();
  for (const trial of sorted) if (!best.has(keyOf(trial.suspect))) best.set(keyOf(trial.suspect), trial);
  return [...best.values()];
}

const keyOf = ({ entry, with: other }: Suspect): string => (other ? `${entry.id} + ${other.entry.id}` : entry.id);

function candidateOf({ suspect, distance, right }: Trial): Candidate {
  const { entry, parameters, with: other } = suspect;
  const { id, title, changes, look, source } = entry;
  const second = other && { ...other.entry, parameters: other.parameters };
  return {
    ...{ id, title, changes, look, source, parameters },
    deltaBefore: right.rel,
    delta: distance.rel,
    ...(second
      ? { with: { id: second.id, title: second.title, look: second.look, parameters: second.parameters } }
      : {}),
  };
}
