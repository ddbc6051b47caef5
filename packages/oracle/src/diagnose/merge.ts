import { merge, type Variation } from '../catalogue/variation.js';

/**
 * Two bugs of one stage at once; undefined where both change the same field.
 *
 * @example mergeVariations({ rope: { pairs: 'halves' } }, { rope: { base: 500000 } }) // { rope: { pairs: 'halves', base: 500000 } }
 */
export function mergeVariations(a: Variation, b: Variation): Variation | undefined {
  const fieldsOf = new Map<string, object>(Object.entries(a));
  const isInConflict = Object.entries(b).some(([group, fields]) =>
    Object.keys(fields).some((field) => Object.hasOwn(fieldsOf.get(group) ?? {}, field)),
  );
  return isInConflict ? undefined : merge(a, b);
}
