import type { StageCase } from '../case.js';
import { canCompute } from '../compute.js';
import { inLimits, type Limits } from '../diagnose/distance.js';
import { factor } from './factor.js';
import { lookUp } from './look-up/look-up.js';
import { solve } from './solve/solve.js';
import { heldTo, type Idea, type Wrong, wrongOf } from './wrong.js';

/** What the wrong rows are, told by their numbers alone: no cause, and nothing that the catalogue has to know. */
export interface ByNumbers {
  readonly kind: keyof typeof KINDS;
  /** A sentence without its full stop. @example 'all rows are 1/√(head_dim) = 0.125 times the right values' */
  readonly text: string;
  /** ‖sick − what it says‖ / ‖what it says‖ */
  readonly delta: number;
}

/** What is looked for, the simplest first. The first that makes the wrong rows is told. */
const KINDS = {
  /** The right rows times a number of the model. */
  constant: factor,
  /** The right rows, columns, heads or blocks in other places. */
  'look-up': lookUp,
  /** What the stage must have been computed from, solved for. */
  solved: solve,
} as const satisfies Record<string, (wrong: Wrong) => Iterable<Idea>>;

export interface ByNumbersOptions {
  readonly limits: Limits;
  /** How long to look for, in milliseconds. */
  readonly budgetMs?: number;
}

/**
 * Says what the wrong rows of a stage are to what it was computed from, where that is simple and makes them to within the limits; else it is silent.
 *
 * @param c the stage, with the inputs that the sick rows were computed from
 * @param sick what the engine made of them, (rows, width) @param right what is right, as sick
 * @example byNumbers(c, sick, right, { limits })?.text // 'heads 4 and 5 read KV head 2'
 */
export function byNumbers(
  c: StageCase,
  sick: Float32Array,
  right: Float32Array,
  { limits, budgetMs = 2000 }: ByNumbersOptions,
): ByNumbers | undefined {
  if (!canCompute(c) || sick.length !== right.length || right.length % c.rows !== 0) return undefined;
  const wrong = wrongOf(c, sick, right, limits);
  if (inLimits(wrong.before, limits) <= 1) return undefined;
  const end = performance.now() + budgetMs;
  for (const [kind, look] of Object.entries(KINDS)) {
    for (const idea of look(wrong)) {
      const delta = heldTo(wrong, idea);
      if (delta !== undefined) return { kind: kind as ByNumbers['kind'], text: idea.text, delta };
      if (performance.now() > end) return undefined;
    }
  }
  return undefined;
}
