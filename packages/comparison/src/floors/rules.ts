import type { LimitRule } from '@llama-probe/diff';
import type { LimitOptions } from '../options.js';

/**
 * How limits follow from floors, unless --margin and --minimum say otherwise.
 *
 * `exact`: an engine's sums may round several times worse than another build of llama.cpp does; 3.7 times was seen, 8 times for single
 * values. The minimum is what an engine in f32 is held to where llama.cpp's builds do the same arithmetic.
 * `native`: the floor is the very noise of quantised activations that separates llama.cpp from an engine in f32. The minimum forgives f16.
 */
export const RULES = {
  exact: { margin: 10, minimum: 1e-5 },
  native: { margin: 3, minimum: 1e-3 },
} as const satisfies Record<string, LimitRule>;

export type RuleName = keyof typeof RULES;

/** What a delta may be where no floor can be measured: docs/limits.md has the largest that were. */
const UNMEASURED: Readonly<Record<RuleName, number>> = { exact: 1e-5, native: 0.15 };

/** The rule where there is no floor. */
export const unmeasured = (name: RuleName): LimitRule => ({ ...RULES[name], minimum: UNMEASURED[name] });

/** The rule with what the user asks for. */
export function ruled(rule: LimitRule, { margin, minimum }: LimitOptions): LimitRule {
  return { margin: margin ?? rule.margin, minimum: minimum ?? rule.minimum };
}
