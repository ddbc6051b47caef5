import { type Graph, idOf, placeKey, stageKey } from '@llama-probe/dump/stage';
import type { StageResult } from './comparison.js';
import { inheritance } from './inheritance.js';
import { describe } from './words.js';

/** Which stages begin to be wrong, as far as a free run shows it. */
export interface Roots {
  /** The stages, each that is wrong and computed from one that is wrong with where that begins. */
  readonly stages: readonly StageResult[];
  /** In a sentence; undefined where there is nothing to tell apart. */
  readonly text: string | undefined;
}

/**
 * Tells what is wrong with nothing wrong before it from what is computed from something wrong, by the model's graph. Whether that has a fault of
 * its own besides, only a second run tells.
 *
 * @param stages in evaluation order @param graph of the model itself: by another's, what follows from what would be made up
 */
export function rootsBy(stages: readonly StageResult[], graph: Graph | undefined): Roots {
  const wrong = stages.filter(({ verdict }) => verdict === 'diverged');
  if (!graph?.isOfModel || wrong.length === 0) return { stages, text: undefined };
  const descent = inheritance(
    stages,
    graph,
    ({ verdict }, from) => verdict === 'diverged' && !from,
    ({ verdict }) => verdict === 'agree',
  );
  const told = stages.map((stage) => {
    const origin = stage.verdict === 'diverged' ? descent.get(stageKey(stage))?.origin : undefined;
    return origin && origin !== stage ? { ...stage, follows: idOf(origin) } : stage;
  });
  const roots = told.filter(({ verdict, follows }) => verdict === 'diverged' && !follows);
  const places = [...new Map(roots.map((stage) => [placeKey(stage), stage])).values()];
  const rest = wrong.length - roots.length;
  return { stages: told, text: textOf(places, rest) };
}

const MOST_NAMED = 5;

function textOf(places: readonly StageResult[], rest: number): string | undefined {
  const others = rest === 1 ? 'The other one that diverged is' : `The other ${rest} that diverged are`;
  if (places.length === 1) return rest === 0 ? undefined : `${others} computed from it.`;
  const named = places.slice(0, MOST_NAMED).map(describe).join(', ');
  const more = places.length > MOST_NAMED ? ` and ${places.length - MOST_NAMED} more` : '';
  const from = rest === 0 ? '' : ` ${others} computed from these.`;
  return `${places.length} stages are wrong with nothing wrong before them: ${named}${more}.${from}`;
}
