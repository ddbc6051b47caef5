import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { Bug } from '../bug.js';
import type { Diagnosis, Said, Suspect } from '../diagnose/diagnosis.js';
import { inLimits } from '../diagnose/distance.js';
import { NEAR } from '../diagnose/near.js';
import { difference, show, showLimit } from '../diagnose/text.js';
import { stagesInWords } from '../words/places-in-words.js';
import { said, unknown } from '../words/said.js';
import { makesThem, type StretchBench, type StretchTrial } from './bench.js';
import type { Stretch } from './stretch.js';

/** How much was tried. */
interface Tried {
  readonly bugs: number;
  /** The forms and searches that were over the budget. */
  readonly left: number;
  readonly catalogue: readonly Bug[];
}

const CLEAR = 3; // what is to be told from the best must be so many times further away
const MOST_ALIKE = 4; // bugs that are told together

/** What follows from all that was tried: never more than likely, for the stages themselves were not seen. */
export function concludeStretch(bench: StretchBench, trials: readonly StretchTrial[], tried: Tried): Diagnosis {
  const { stretch, limits, right, own } = bench;
  const inOrder = (trial: StretchTrial) => tried.catalogue.indexOf(trial.put.bug);
  const causes = trials.filter((trial) => makesThem(trial, bench));
  const closest = Math.min(...causes.map((trial) => trial.distance.rel));
  // Rounding leaves nearly the same whatever was rounded; of what is as near, what is in fewer stages comes first.
  const near = Math.max((own.rel > limits.rel / NEAR ? 1.5 : NEAR) * closest, limits.rel / 100);
  const isEqual = (trial: StretchTrial) => (trial.distance.rel <= near ? 0 : 1);
  causes.sort(
    (a, b) =>
      isEqual(a) - isEqual(b) ||
      a.put.at.length - b.put.at.length ||
      inOrder(a) - inOrder(b) ||
      a.distance.rel - b.distance.rel,
  );
  const [best] = causes;
  if (!best)
    return unknownStretch(
      stretch,
      `${noneOf(tried)} makes these rows; right rows differ by ${difference(right)}, limit ${showLimit(limits.rel)}.`,
    );
  const reach = Math.max(1 / NEAR, CLEAR * inLimits(best.distance, limits));
  const alike = trials.filter((trial) => trial !== best && inLimits(trial.distance, limits) <= reach);
  const group = bestOfEach([best, ...causes, ...alike]);
  const ids = group.map(({ put }) => put.bug.id);
  if (group.length > MOST_ALIKE) {
    return unknownStretch(
      stretch,
      `${group.length} known bugs make these rows to within what is noise here, such as ${ids.slice(0, MOST_ALIKE).join(', ')}.`,
    );
  }
  const candidates = group.map((trial) => suspectOf(trial, bench));
  const dump = stagesInWords(missingOf(candidates, stretch));
  return {
    ...likely(candidates, dump, bench, best, tried),
    candidates,
    indistinguishable: ids.slice(1),
    ...(dump ? { hint: `a dump of ${dump}` } : {}),
  };
}

export const unknownStretch = (stretch: Stretch, why: string): Diagnosis =>
  unknown(`${why} The error may begin in any of the ${stretch.stages.length - 1} stages before it that are not there.`);

/** The stages that the suspects act in, without the one that the engine has. */
function missingOf(suspects: readonly Suspect[], { stages }: Stretch): Place[] {
  const places = new Map(suspects.flatMap(({ at = [] }) => at.map((place) => [placeKey(place), place])));
  const end = stages.at(-1);
  if (end) places.delete(placeKey(end));
  return stages.filter((stage) => places.has(placeKey(stage)));
}

function likely(
  [first, ...others]: readonly Suspect[],
  dump: string,
  { stretch, right, limits }: StretchBench,
  best: StretchTrial,
  tried: Tried,
): Said {
  const s = first as Suspect;
  const end = stagesInWords(stretch.stages.slice(-1));
  const proof = [
    `computed on from your own rows before it with this bug, ${end} differs from yours by ` +
      `${show(best.distance.rel)} (limit ${showLimit(limits.rel)}); right rows differ by ${difference(right)}.`,
    ...(others.length > 0
      ? [
          `From these rows it cannot be told from ${others.map((one) => `${one.id} (${stagesInWords(one.at ?? [])})`).join(', ')}.`,
        ]
      : []),
    ...(dump ? [`To make sure, dump ${dump}.`] : []),
    ...timeText(tried),
  ].join(' ');
  return said('likely', s, proof, { where: stagesInWords(s.at ?? []) });
}

const noneOf = (tried: Tried): string =>
  [`none of ${tried.bugs} known bugs, put into the stages that are not there,`, ...timeText(tried)].join(' ');

const timeText = ({ left }: Tried): string[] =>
  left === 0
    ? []
    : [`(${left} ${left === 1 ? 'form was' : 'forms were'} not tried: the model is too large for all of them.)`];

function bestOfEach(sorted: readonly StretchTrial[]): StretchTrial[] {
  const best = new Map<string, StretchTrial>();
  for (const trial of sorted) if (!best.has(trial.put.bug.id)) best.set(trial.put.bug.id, trial);
  return [...best.values()];
}

function suspectOf({ put: { bug, parameters, at }, distance }: StretchTrial, { right }: StretchBench): Suspect {
  const { id, title, changes, look, source } = bug;
  const places = at.map(({ stage, layer }) => ({ stage, layer }));
  return { id, title, changes, look, source, parameters, deltaBefore: right.rel, delta: distance.rel, at: places };
}
