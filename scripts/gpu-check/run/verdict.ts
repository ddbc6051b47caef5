import type { Found } from './section.js';

/** A section with what it found. */
export interface Checked extends Found {
  readonly name: string;
  readonly seconds: number;
}

/** 0 everything is right, 1 something is wrong, 2 something could not be looked at. */
export function exitCode(sections: readonly Pick<Checked, 'verdict'>[]): 0 | 1 | 2 {
  if (sections.some(({ verdict }) => verdict === 'wrong')) return 1;
  return sections.length === 0 || sections.some(({ verdict }) => verdict === 'untold') ? 2 : 0;
}

const WORDS = { right: 'right', wrong: 'WRONG', untold: 'unknown', measured: 'measured' } as const;

/** A line for each section, and one for all. */
export function summary(sections: readonly Checked[], where: string): string[] {
  const last = {
    0: `right: the engine computes what it should on ${where}`,
    1: `WRONG: ${sections
      .filter(({ verdict }) => verdict === 'wrong')
      .map(({ name }) => name)
      .join(', ')} on ${where}`,
    2: `unknown: not everything could be looked at on ${where}`,
  }[exitCode(sections)];
  return [
    ...sections.flatMap(({ name, verdict, line, wrong }) => [
      `${WORDS[verdict].padEnd(8)} ${name.padEnd(14)} ${line}`,
      ...wrong.slice(0, MOST).map((one) => `           ${one}`),
      ...(wrong.length > MOST ? [`           and ${wrong.length - MOST} more, in the JSON file`] : []),
    ]),
    '',
    last,
  ];
}

const MOST = 12;
