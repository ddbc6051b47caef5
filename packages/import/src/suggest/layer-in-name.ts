/** Every way in which a name may have the number of its layer. @example patternsOf('rank0.dec.0.q', 0) // ['rank{layer}.dec.0.q', 'rank0.dec.{layer}.q'] */
export const patternsOf = (name: string, layer: number): string[] =>
  [...name.matchAll(/\d{1,6}/g)].flatMap(({ 0: digits, index }) =>
    Number(digits) === layer ? [`${name.slice(0, index)}{layer}${name.slice(index + digits.length)}`] : [],
  );
