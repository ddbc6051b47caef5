import type { Suspect } from '../diagnose/diagnosis.js';

/** The parameter of a fitted bug that holds what the file says. */
export const FILE_SAYS = 'the file says';

/** A suspect is one bug, or two at once. */
const bothOf = (s: Suspect): Pick<Suspect, 'title' | 'look' | 'parameters'>[] => [s, ...(s.with ? [s.with] : [])];

export const named = (s: Suspect): string =>
  bothOf(s)
    .map(({ title, parameters }) => `${title}${values(parameters)}`)
    .join(', and ');

export const lookOf = (s: Suspect): string =>
  bothOf(s)
    .map(({ look }) => sentence(look))
    .join(' ');

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function values(parameters: Suspect['parameters']): string {
  const shown = Object.entries(parameters).map(([name, value]) =>
    name === FILE_SAYS ? `the file says ${number(value)}` : `${name} = ${number(value)}`,
  );
  return shown.length === 0 ? '' : ` (${shown.join('; ')})`;
}

const number = (value: number | string): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(7))) : value;
