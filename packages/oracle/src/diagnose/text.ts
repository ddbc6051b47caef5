import { said } from '../words/said.js';
import type { Said, Suspect } from './diagnosis.js';
import type { Distance } from './distance.js';

/** How far a reproduction and the right rows are from the sick ones, and how far they may be. */
export interface Distances {
  readonly distance: Distance;
  readonly before: Distance;
  readonly limit: number;
}

const RECOMPUTED = "recomputed from the stage's own inputs with";

/** Another bug that reproduces the rows too, and a run in which the two would differ; undefined if there is none. */
export interface Rival {
  readonly id: string;
  readonly run: string | undefined;
}

export function confirmed(s: Suspect, d: Distances, rivals: readonly Rival[]): Said {
  const told = rivals.filter(({ run }) => run !== undefined).map(({ id }) => id);
  const same = rivals.filter(({ run }) => run === undefined).map(({ id }) => id);
  const proof =
    `${RECOMPUTED} ${bugs(s)}, the rows differ from yours by ${show(d.distance.rel)} (limit ${showLimit(d.limit)}); ` +
    `right rows differ by ${difference(d.before)}.`;
  const then = [
    ...(told.length > 0 ? [`These inputs cannot tell it from ${told.join(', ')}; ${hintOf(rivals)} would.`] : []),
    ...(same.length > 0 ? [`The same numbers follow from ${same.join(', ')}.`] : []),
  ];
  return said('confirmed', s, proof, { then });
}

/** The runs that tell the rivals apart. @example 'a prompt of 8 tokens' */
export const hintOf = (rivals: readonly Rival[]): string =>
  [...new Set(rivals.flatMap(({ run }) => (run === undefined ? [] : [run])))].join(', then ');

export const likely = (s: Suspect, d: Distances): Said =>
  said(
    'likely',
    s,
    `${RECOMPUTED} ${bugs(s)}, the rows still differ from yours by ${difference(d.distance)}, ${overLimit(d)}; ` +
      `right rows differ by ${difference(d.before)}. Something else is wrong too.`,
  );

/** Why what reproduces the rows is not confirmed. */
export type Doubt =
  | { /** Fitted values that nobody would have written. @example 'rope_freq_base = 9960.101' */ readonly odd: string }
  | { /** What a stage without a bug leaves. */ readonly own: number };

export function doubtful(s: Suspect, d: Distances, doubt: Doubt): Said {
  const why =
    'odd' in doubt
      ? `nobody is likely to have written ${doubt.odd}: something else may make nearly the same numbers`
      : `a right stage leaves ${show(doubt.own)} here: something else makes nearly the same numbers, or is wrong too`;
  return said(
    'likely',
    s,
    `${RECOMPUTED} ${bugs(s)}, the rows differ from yours by ${difference(d.distance)}; ` +
      `right rows differ by ${difference(d.before)}. But ${why}.`,
  );
}

/** Why none of the bugs that were tried is named. */
export function noneOf(d: Distances, tried: number): string {
  const what =
    tried === 0 ? 'no bug of this stage is known' : `none of the ${tried} known bugs of this stage reproduces the rows`;
  return `${what}; right rows differ by ${difference(d.before)}, limit ${showLimit(d.limit)}.`;
}

const bugs = ({ with: other }: Suspect): string => (other ? 'both bugs' : 'this bug');

export function difference({ rel, unmatched }: Distance): string {
  const values = `${unmatched} ${unmatched === 1 ? 'value that is' : 'values that are'} a number on one side only`;
  return unmatched === 0 ? show(rel) : `${show(rel)} and ${values}`;
}

const overLimit = ({ distance: { rel }, limit }: Distances): string =>
  rel > limit
    ? `over the limit of ${limit.toExponential()}`
    : 'and more in single rows or values than the limit allows';

/** Two digits: a limit that follows from floors has seventeen. */
export const showLimit = (limit: number): string => Number(limit.toPrecision(2)).toExponential();

export const show = (rel: number): string => (rel === 0 ? '0' : rel.toExponential(1));
