import type { Place } from '@llama-probe/dump/stage';
import { areScores, rowDelta } from './row-delta.js';
import type { Rows, StageRows } from './rows.js';
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

/** @param heads of the scores */
export function hold(way: Way, rows: Rows, base: Rows, heads: number | undefined): Held {
  const alone = new Set(rows.all.filter((stage) => !base.at(stage)).map(({ stage }) => stage));
  const deltas: RowDelta[] = [];
  let missing = 0;
  for (const theirs of base.all) {
    const { layer, stage, order } = theirs;
    const ours = rows.at(theirs);
    if (!ours || isOfSlots(theirs, base)) {
      alone.add(stage);
      continue;
    }
    for (const [position, row] of theirs.rows) {
      const own = ours.rows.get(position);
      const delta = own && rowDelta(own, row, { stage, position, heads });
      if (delta !== undefined) deltas.push({ layer, stage, order, position, delta });
      else if (own && areScores(stage)) alone.add(stage);
      else missing++;
    }
    for (const position of ours.rows.keys()) if (!theirs.rows.has(position)) missing++;
  }
  return { way, rows, deltas, alone: [...alone], missing };
}

/**
 * What is computed between the scores and their softmax: Gemma's capped scores. llama.cpp has them over every slot of its cache, in an order of its own,
 * which nothing of another pass can be held to.
 */
function isOfSlots({ layer, stage, order }: StageRows, base: Rows): boolean {
  const [kq, softMax] = ['kq', 'kq_soft_max'].map((name) => base.at({ layer, stage: name }));
  return (
    stage.startsWith('kq') && kq !== undefined && softMax !== undefined && order > kq.order && order < softMax.order
  );
}
