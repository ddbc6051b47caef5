import type { LimitRule } from '@llama-probe/diff';
import type { RoundTo } from '@llama-probe/reference';
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

/**
 * For an engine that keeps 16 bits of everything: the floor is how far llama.cpp is from itself when each of its stages is rounded so. An engine may
 * round within a stage too, and its weights: three times the floor was seen. The minimum is what one rounding is off at the most, half a unit in the last of
 * 8 or 11 bits; on the whole of a stage it is 0.7 to 0.9 of half of that.
 */
export const ROUNDED_RULES = {
  bf16: { margin: 4, minimum: 2 ** -8 },
  f16: { margin: 4, minimum: 2 ** -11 },
} as const satisfies Record<RoundTo, LimitRule>;

/** The rule where that floor cannot be measured: errors of roundings add up like the steps of a random walk, layer by layer. */
export const unmeasuredRounding = (format: RoundTo, layers = 32): LimitRule => {
  const rule = ROUNDED_RULES[format];
  return { ...rule, minimum: UNMEASURED_ROUNDINGS * rule.minimum * Math.sqrt(layers) };
};

const UNMEASURED_ROUNDINGS = 8; // docs/limits.md has the floors that were measured

/** What a delta may be where no floor can be measured: docs/limits.md has the largest that were. */
const UNMEASURED: Readonly<Record<RuleName, number>> = { exact: 1e-5, native: 0.15 };

/** The rule where there is no floor. */
export const unmeasured = (name: RuleName): LimitRule => ({ ...RULES[name], minimum: UNMEASURED[name] });

/** The rule with what the user asks for. */
export function ruled(rule: LimitRule, { margin, minimum }: LimitOptions): LimitRule {
  return { margin: margin ?? rule.margin, minimum: minimum ?? rule.minimum };
}
