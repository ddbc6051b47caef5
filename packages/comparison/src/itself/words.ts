import { shownNames } from '@llama-probe/diff';

const SHOWN = 8;

/** @example tokensText([0, 1, 2]) === 'tokens 0, 1, 2' */
export const tokensText = (positions: readonly number[]): string =>
  `${positions.length === 1 ? 'token' : 'tokens'} ${shownNames(positions, SHOWN)}`;

/** How many tokens each batch has. @example inBatches([0, 5, 6, 7], 8) === '5, then one by one' */
export function inBatches(begins: readonly number[], tokens: number): string {
  const sizes = begins.map((begin, i) => (begins[i + 1] ?? tokens) - begin);
  const [first = 0, ...rest] = sizes;
  if (rest.length === 0) return `all ${tokens} at once`;
  if (rest.every((size) => size === 1)) return first === 1 ? 'one by one' : `${first} at once, then one by one`;
  if (rest.slice(0, -1).every((size) => size === first) && (rest.at(-1) as number) <= first)
    return `${first} at a time`;
  return `${shownNames(sizes, SHOWN)} at a time`;
}
