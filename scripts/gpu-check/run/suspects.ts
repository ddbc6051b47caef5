import { counted } from './section.js';

/** A product: which shader read its weights, which one added up, and what was wrong with it. */
export interface Outcome {
  readonly reads: string;
  readonly adds: string;
  readonly problem: string | undefined;
}

/**
 * The shaders that wrong products have in common. One none of whose products is right is named; first those that add up, which take part in all types, then
 * those that read a type, by the products that are left. Where every shader has right products too, those that read are named, with how many are wrong.
 */
export function suspects(outcomes: readonly Outcome[]): string[] {
  const adding = neverRight(outcomes, 'adds');
  const left = outcomes.filter(({ adds }) => !adding.has(adds));
  const reading = neverRight(left, 'reads');
  const rest = left.filter(({ reads }) => !reading.has(reads));
  return [
    ...[...adding].map((file) => inWords(file, outcomes, 'adds')),
    ...[...reading].map((file) => inWords(file, left, 'reads')),
    ...[...new Set(rest.filter(({ problem }) => problem).map(({ reads }) => reads))].map((file) =>
      inWords(file, rest, 'reads'),
    ),
  ];
}

function neverRight(outcomes: readonly Outcome[], role: 'reads' | 'adds'): Set<string> {
  const right = new Set(outcomes.filter(({ problem }) => !problem).map((outcome) => outcome[role]));
  return new Set(outcomes.map((outcome) => outcome[role]).filter((file) => !right.has(file)));
}

function inWords(file: string, outcomes: readonly Outcome[], role: 'reads' | 'adds'): string {
  const all = outcomes.filter((outcome) => outcome[role] === file);
  const wrong = all.flatMap(({ problem }) => problem ?? []);
  return `${file}: ${wrong.length} of ${counted(all.length, 'product')} wrong, the first ${wrong[0]}`;
}
