import { type Command, Option } from 'commander';

/**
 * Examples for the end of a command's help.
 *
 * @param lines what to type → what it is for
 */
export function examples(lines: Readonly<Record<string, string>>): string {
  const shown = Object.entries(lines).map(([line, purpose]) => `  ${line}\n      ${purpose}`);
  return `\nExamples:\n${shown.join('\n')}`;
}

/** The other way round: the examples of a help's end. */
export function examplesIn(help: string): Record<string, string> {
  const [, text = ''] = help.split('\nExamples:\n');
  const pairs = [...text.matchAll(/^ {2}(\S.*)\n {6}(\S.*)$/gm)];
  return Object.fromEntries(pairs.map(([, line = '', purpose = '']) => [line, purpose]));
}

/** What a command exits with, and what that means. */
export type ExitCodes = Readonly<Record<number, string>>;

const EXIT_CODES: Readonly<Record<string, ExitCodes>> = {
  compare: { 0: 'the sides agree', 1: 'they diverged', 2: 'it could not be told' },
  diff: { 0: 'the dumps agree', 1: 'they diverged', 2: 'it could not be told' },
  blame: { 0: 'the run agrees with llama.cpp', 1: 'it diverged', 2: 'it could not be told' },
  changes: { 0: 'the sides agree now', 1: 'they diverge', 2: 'it could not be told' },
  capture: { 0: 'the dump is written', 2: 'it is not' },
  gate: { 0: 'every case passes', 1: 'one diverged or worsened', 2: 'it could not be told' },
  merge: { 0: 'every case passes', 1: 'one diverged or worsened', 2: 'it could not be told' },
  bugs: { 0: 'listed; with --run, each is found and named', 1: 'one is not', 2: 'it could not be told' },
  check: { 0: 'everything holds', 1: 'something does not', 2: 'nothing could be checked' },
  weights: { 0: 'every tensor is equal', 1: 'one differs', 2: 'nothing could be compared' },
  text: { 0: 'the sides agree', 1: 'they diverged', 2: 'it could not be told' },
  server: { 0: 'the server agrees', 1: 'it diverged', 2: 'it could not be told' },
  itself: { 0: 'every way gives the same', 1: 'one does not', 2: 'it could not be told' },
  tokenize: { 0: 'shown; with --against, the ids are the same', 1: 'they are not', 2: 'nothing could be shown' },
  repeat: { 0: 'every run is the same', 1: 'they are not', 2: 'it could not be told' },
  repro: { 0: 'nothing is wrong', 1: 'a test of what is wrong is written', 2: 'it could not be told' },
  import: { 0: 'the dump is written', 2: 'it is not' },
  inspect: { 0: 'shown', 2: 'the dump cannot be read' },
  doctor: { 0: 'a comparison can be run', 2: 'something is missing, or a proof failed' },
  completion: { 0: 'printed', 2: 'no such shell' },
};

const EVERYWHERE: ExitCodes = EXIT_CODES.compare ?? {};

/** @param name of a command; the program's own without one */
export const exitCodesOf = (name: string): ExitCodes => EXIT_CODES[name] ?? EVERYWHERE;

/** Exit codes for the end of a command's help. */
export function exitCodes(name: string): string {
  const lines = Object.entries(exitCodesOf(name)).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

const LONG = 12; // options, from which on headings help
const LAST = 'Options:';

/** Headings are for long lists: a short one has none. */
export function tidy(command: Command): void {
  if (command.options.length >= LONG) return;
  for (const option of command.options) option.helpGroup(LAST);
}

/** Where the last options are. */
export const helpOption = (command: Command): Option =>
  new Option('-h, --help', 'show this help').helpGroup(command.options.at(-1)?.helpGroupHeading ?? LAST);
