import { buildProgram, describeProgram, type ProgramSpec, StderrProgress } from 'llama-probe/internal';

/** The command line as it is built, with nothing to run it. */
export const program: ProgramSpec = describeProgram(
  buildProgram({ progress: new StderrProgress(), signal: new AbortController().signal, print() {}, code: 0 }),
);

/** A description as a sentence. */
export const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
