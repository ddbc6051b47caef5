import type { Form } from './forms.js';

/** A random number is taken for a form less often than this. */
const BY_CHANCE = 3e-4;

/** Numbers are as near to each other as forms around them are: within a tenth. */
const AROUND = 0.1;

/** Two forms of one value cannot be told apart. */
const SAME = 1e-9;

/**
 * The form that a measured number has, if it has exactly one of its simplicity, and if a random number of its size would hardly have one.
 *
 * @param within how far, relatively, the number may be off
 * @example recognise(0.70710678, 1e-7, formsOf(c, quantitiesOf(c, width)))?.formula // '1/√2'
 */
export function recognise(value: number, within: number, forms: readonly Form[]): Form | undefined {
  const isAt = (form: Form, most: number) => Math.abs(form.value - value) <= most * Math.max(Math.abs(value), LEAST);
  for (const tier of [0, 1, 2] as const) {
    const simple = forms.filter((form) => form.tier <= tier);
    const around = distinct(simple.filter((form) => isAt(form, AROUND)));
    if ((around.length * within) / AROUND > BY_CHANCE) return undefined;
    const found = simple.filter((form) => isAt(form, within));
    const [only, ...others] = found;
    if (only) return others.length > 0 ? undefined : only;
  }
  return undefined;
}

/** Below it a number is measured as it is: 0 has no relative size. */
const LEAST = 1e-3;

const distinct = (forms: readonly Form[]): Form[] =>
  forms.filter(
    (form, i) => forms.findIndex(({ value }) => Math.abs(value - form.value) <= SAME * Math.abs(value)) === i,
  );
