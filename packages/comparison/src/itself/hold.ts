import type { Place } from '@llama-probe/dump/stage';
import { areScores, type Reading, rowDelta } from './row-delta.js';
import type { Rows } from './rows.js';
import type { Way } from './way.js';

/** A row of a way, and how far it is from that of the base. */
export interface RowDelta extends Place {
  readonly order: number;
  readonly position: number;
  readonly delta: number;
}

/** A way held to the base, row by row. */
export interface Held {
  readonly way: Way;
  readonly rows: Rows;
  readonly deltas: readonly RowDelta[];
  /** Stages of it, or of the base, that could not be held to anything. */
  readonly alone: readonly string[];
  /** Rows that one of the two does not have, of stages that both have. */
  readonly missing: number;
}

export function hold(way: Way, rows: Rows, base: Rows, { heads }: Reading): Held {
  const reading = { heads, scores: scoresIn(base) };
  const alone = new Set(rows.all.filter((stage) => !base.at(stage)).map(({ stage }) => stage));
  const deltas: RowDelta[] = [];
  let missing = 0;
  for (const theirs of base.all) {
    const { layer, stage, order } = theirs;
    const ours = rows.at(theirs);
    if (!ours) {
      alone.add(stage);
      continue;
    }
    for (const [position, row] of theirs.rows) {
      const own = ours.rows.get(position);
      const delta = own && rowDelta(own, row, { stage, position, ...reading });
      if (delta !== undefined) deltas.push({ layer, stage, order, position, delta });
      else if (own && areScores(stage, reading)) alone.add(stage);
      else missing++;
    }
    for (const position of ours.rows.keys()) if (!theirs.rows.has(position)) missing++;
  }
  return { way, rows, deltas, alone: [...alone], missing };
}

/** What is computed between the scores and their softmax and is as wide, such as Gemma's capped scores. */
function scoresIn(base: Rows): ReadonlySet<string> {
  const widthOf = (place: Place) => base.at(place)?.rows.values().next().value?.length;
  const found = base.all.filter((stage) => {
    const [kq, softMax] = ['kq', 'kq_soft_max'].map((name) => base.at({ layer: stage.layer, stage: name }));
    return kq && softMax && stage.order > kq.order && stage.order < softMax.order && widthOf(stage) === widthOf(kq);
  });
  return new Set(found.map(({ stage }) => stage));
}
