import type { Later, StageAt } from './hook.js';
import type { Operations } from './operations.js';

/** A stage that a Later's rows are still to be put in the place of. */
export interface Waiting {
  readonly at: StageAt;
  readonly rows: GPUBuffer;
  readonly later: Later;
}

/** A layer's steps, written down and not yet taken. A step that returns something is not done: the pass must wait there. */
export type Script = Array<() => Waiting | undefined>;

/**
 * The operations, each call a step of the script in place of a command. forward() cannot stop within a layer; its script can.
 *
 * @example const script: Script = []; forward(scripted(op, script), model, state, hook).next(); script[0]?.();
 */
export function scripted(op: Operations, script: Script): Operations {
  const entries = Object.entries(op).map(([name, encode]: [string, (...args: unknown[]) => void]) => [
    name,
    (...args: unknown[]) => script.push(() => void encode(...args)),
  ]);
  return Object.fromEntries(entries);
}
