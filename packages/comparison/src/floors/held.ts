import { type Floor, type Floors, type LimitRule, largest, type RunFloors } from '@llama-probe/diff';
import type { RoundTo } from '@llama-probe/reference';
import type { LimitOptions } from '../options.js';
import type { Side } from '../side.js';
import type { Judged } from './judged.js';
import { ROUNDED_RULES, ruled, unmeasuredRounding } from './rules.js';

/** What a candidate is held to. */
export interface Held {
  readonly floors: Pick<Floors, 'get'>;
  readonly rule: LimitRule;
  readonly method: string;
  /** What the candidate keeps its values in, where that is less than f32. */
  readonly format?: RoundTo;
}

/** What a candidate in 16 bits is held to: no less than the reference's own floor, and what 16 bits at every stage make of llama.cpp. */
export function heldTo16Bits(
  judged: Judged,
  format: RoundTo,
  measured: RunFloors | { readonly why: string },
  options: LimitOptions,
  { about }: Side,
): Held {
  if ('why' in measured) {
    const rule = ruled(unmeasuredRounding(format, about.model.layers), options);
    const method = `not measured for a candidate in ${format}: ${measured.why}`;
    return { floors: judged.floors, rule, method, format };
  }
  const mode = about.mode === 'native' ? 'native' : 'exact';
  const method = `llama.cpp ${mode} against ${mode} rounded to ${format} at every stage`;
  return { floors: largerOf(judged.floors, measured), rule: ruled(ROUNDED_RULES[format], options), method, format };
}

/** The larger of two floors. */
export const largerOf = (...floors: readonly Pick<Floors, 'get'>[]): Pick<Floors, 'get'> => ({
  get: (key) =>
    floors.reduce<Floor | undefined>((most, one) => {
      const floor = one.get(key);
      return floor ? largest(most, floor) : most;
    }, undefined),
});
