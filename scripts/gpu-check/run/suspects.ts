import { counted } from './section.js';

/** A case of a kernel that reads weights: which shader reads their type, which one does the rest, and what was wrong. */
export interface Outcome {
  readonly reads: string;
  readonly adds: string;
  readonly problem: string | undefined;
}

/**
 * The shaders that wrong cases have in common. One none of whose cases is right is named; first those that add up, which take part in all types, then
 * those that read a type, by the cases that are left. Where every shader has right cases too, those of the role are named of which there are fewer among
 * the wrong ones, with how many are wrong: such as one that adds up wrongly for some types only.
 */
export function suspects(outcomes: readonly Outcome[]): string[] {
  const adding = neverRight(outcomes, 'adds');
  const left = outcomes.filter(({ adds }) => !adding.has(adds));
  const reading = neverRight(left, 'reads');
  const rest = left.filter(({ reads }) => !reading.has(reads));
  const wrong = rest.filter(({ problem }) => problem);
  const [adds, reads] = (['adds', 'reads'] as const).map((role) => new Set(wrong.map((outcome) => outcome[role]))) as [
    Set<string>,
    Set<string>,
  ];
  const [role, named] = adds.size < reads.size ? (['adds', adds] as const) : (['reads', reads] as const);
  return [
    ...[...adding].map((file) => inWords(file, outcomes, 'adds')),
    ...[...reading].map((file) => inWords(file, left, 'reads')),
    ...[...named].map((file) => inWords(file, rest, role)),
  ];
}

function neverRight(outcomes: readonly Outcome[], role: 'reads' | 'adds'): Set<string> {
  const right = new Set(outcomes.filter(({ problem }) => !problem).map((outcome) => outcome[role]));
  return new Set(outcomes.map((outcome) => outcome[role]).filter((file) => !right.has(file)));
}

function inWords(file: string, outcomes: readonly Outcome[], role: 'reads' | 'adds'): string {
  const all = outcomes.filter((outcome) => outcome[role] === file);
  const wrong = all.flatMap(({ problem }) => problem ?? []);
  return `${file}: ${wrong.length} of ${counted(all.length, 'case')} wrong, the first ${wrong[0]}`;
}
