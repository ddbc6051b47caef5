import type { StageId } from '@llama-probe/dump/stage';

export const CHECKS = [
  'finite',
  'rope-norm',
  'rope-identity',
  'softmax-range',
  'softmax-sum',
  'softmax-mask',
  'first-value',
  'attention-first',
  'residual',
  'cache',
] as const;

export type CheckName = (typeof CHECKS)[number];

/** A stage of which something does not hold that holds of every healthy engine: its worst row. */
export interface Broken extends StageId {
  readonly check: CheckName;
  readonly order: number;
  readonly token: number;
  /** The worst value, and what it should be. NaN or an infinity, and 0, where `check` is `finite`. */
  readonly found: number;
  readonly wanted: number;
  /** @example 'kq_soft_max of layer 2, token 3, head 1: the row sums to 0.71, wanted 1.' */
  readonly text: string;
}

/** A check that was not made, and why. */
export interface LeftOut {
  readonly check: CheckName;
  /** @example 'attention.causal is false: tokens see those after them' */
  readonly reason: string;
}

export interface Checked {
  /** In evaluation order. */
  readonly broken: readonly Broken[];
  /** How many rows each check has looked at: what it has not looked at, it has not found to be right. */
  readonly checked: Readonly<Record<CheckName, number>>;
  /** What does not hold of every healthy engine with this model. */
  readonly leftOut: readonly LeftOut[];
}

/** No row yet. */
export function nothingChecked(): Record<CheckName, number> {
  return Object.fromEntries(CHECKS.map((check) => [check, 0])) as Record<CheckName, number>;
}

/** Sorts by step, evaluation order and, of one stage, what tells most. */
export function inOrder(broken: readonly Broken[]): Broken[] {
  const rank = ({ check }: Broken) => CHECKS.indexOf(check);
  return [...broken].sort((a, b) => a.step - b.step || a.order - b.order || rank(a) - rank(b));
}
