import type { Candidate } from '../diagnose.js';
import type { Distance } from './distance.js';
import { FILE_SAYS } from './search.js';

/** How far a reproduction and the right rows are from the sick ones, and how far they may be. */
export interface Finding {
  readonly distance: Distance;
  readonly before: Distance;
  readonly limit: number;
}

const RECOMPUTED = "recomputed from the stage's own inputs with";

/** Another bug that reproduces the rows as well, and the run that tells it from the first; undefined where none would. */
export interface Rival {
  readonly id: string;
  readonly run: string | undefined;
}

export function confirmedText(c: Candidate, f: Finding, rivals: readonly Rival[]): string {
  const told = rivals.filter(({ run }) => run !== undefined).map(({ id }) => id);
  const same = rivals.filter(({ run }) => run === undefined).map(({ id }) => id);
  return [
    `${named(c)}: ${RECOMPUTED} ${bugs(c)}, the rows differ from yours by ${show(f.distance.rel)} (limit ${f.limit.toExponential()}); ` +
      `right rows differ by ${difference(f.before)}. ${look(c)}`,
    ...(told.length > 0 ? [`These inputs cannot tell it from ${told.join(', ')}; ${hintOf(rivals)} would.`] : []),
    ...(same.length > 0 ? [`The same numbers follow from ${same.join(', ')}.`] : []),
  ].join(' ');
}

/** The runs that tell the rivals apart. @example 'a prompt of 8 tokens' */
export const hintOf = (rivals: readonly Rival[]): string =>
  [...new Set(rivals.flatMap(({ run }) => (run === undefined ? [] : [run])))].join(', then ');

export function likelyText(c: Candidate, f: Finding): string {
  return (
    `Likely, not confirmed: ${named(c)}: ${RECOMPUTED} ${bugs(c)}, the rows still differ from yours by ${difference(f.distance)}, ` +
    `${overLimit(f)}; right rows differ by ${difference(f.before)}. Something else is wrong too. ${look(c)}`
  );
}

export function unknownText(f: Finding, entries: number, closest?: Candidate): string {
  const tried =
    entries === 0
      ? 'no bug of this stage is known'
      : `none of the ${entries} known bugs of this stage reproduces the rows`;
  const best = closest ? ` The closest, "${named(closest)}", leaves ${difference(f.distance)}.` : '';
  return `Unknown: ${tried}; right rows differ by ${difference(f.before)}, limit ${f.limit.toExponential()}.${best}`;
}

const named = (c: Candidate): string =>
  [c, ...(c.with ? [c.with] : [])].map(({ title, parameters }) => `${title}${values(parameters)}`).join(', and ');

const bugs = ({ with: other }: Candidate): string => (other ? 'both bugs' : 'this bug');

const look = (c: Candidate): string =>
  `Where to look: ${[c, ...(c.with ? [c.with] : [])].map((bug) => sentence(bug.look)).join(' ')}`;

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function values(parameters: Candidate['parameters']): string {
  const shown = Object.entries(parameters).map(([name, value]) =>
    name === FILE_SAYS ? `the file says ${number(value)}` : `${name} = ${number(value)}`,
  );
  return shown.length === 0 ? '' : ` (${shown.join('; ')})`;
}

const number = (value: number | string): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(7))) : value;

function difference({ rel, unmatched }: Distance): string {
  const values = `${unmatched} ${unmatched === 1 ? 'value that is' : 'values that are'} a number on one side only`;
  return unmatched === 0 ? show(rel) : `${show(rel)} and ${values}`;
}

const overLimit = ({ distance: { rel }, limit }: Finding): string =>
  rel > limit
    ? `over the limit of ${limit.toExponential()}`
    : 'and more in single rows or values than the limit allows';

const show = (rel: number): string => (rel === 0 ? '0' : rel.toExponential(1));
