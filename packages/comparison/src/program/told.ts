import { brief } from './command.js';
import { ProgramError } from './errors.js';
import type { Output } from './output.js';
import type { Ended } from './process.js';

const LINES = 12; // of what it said last, or printed first

/** What the shell's own exit codes mean. */
const SHELL: Readonly<Record<number, string>> = {
  126: 'cannot be executed (exit code 126); make it executable (chmod +x), or name what runs it (python3 …)',
  127: 'was not found (exit code 127); give its path, such as ./mine, relative to this folder',
};

/** @throws ProgramError unless the program has ended by itself, with 0 @param limit in seconds */
export function refuseFailed(command: string, { how, said }: Ended, limit: number): void {
  const name = quoted(command);
  const last = lastWords(said);
  if (how === 'late') {
    const remedy = 'Give it more time with --engine-timeout, or less to do with --steps';
    throw new ProgramError(
      'program-timeout',
      `${name} had not ended after ${limit} s, and was stopped. ${remedy}${last}`,
    );
  }
  if (typeof how === 'string' || ('code' in how && how.code === 0)) return;
  if ('signal' in how) {
    const memory = how.signal === 'SIGKILL' ? '; most likely the memory ran out' : '';
    throw new ProgramError('program-failed', `${name} was killed by ${how.signal}${memory}${last}`);
  }
  const what = SHELL[how.code] ?? `failed with exit code ${how.code}`;
  throw new ProgramError('program-failed', `${name} ${what}${last}`);
}

/** What a program left where it left no run. */
export function noRun(command: string, output: Exclude<Output, { path: string }>, { said }: Ended): ProgramError {
  const name = quoted(command);
  if ('several' in output) {
    const what = `${name} wrote ${output.several.join(', ')}, and which of them is the dump is not known`;
    return new ProgramError('program-output', `${what}; wanted one file, or one folder, at {out} (PROBE_OUT).`);
  }
  const wanted = 'wanted a dump at {out} (PROBE_OUT), or an Arrow stream on standard output';
  if (output.printed === '')
    return new ProgramError('program-output', `${name} ended and wrote nothing; ${wanted}${lastWords(said)}`);
  const first = indented(output.printed.split(/\r?\n/).slice(0, LINES));
  return new ProgramError(
    'program-output',
    `${name} wrote nothing to {out} (PROBE_OUT), and what it printed is no Arrow stream; ${wanted}. It printed:\n${first}`,
  );
}

const quoted = (command: string): string => `--engine: "${brief(command)}"`;

/** The end of what a program said on standard error, as the end of a sentence. A progress bar draws over its own line. */
function lastWords(said: string): string {
  const lines = said.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return lines.length === 0
    ? '. It said nothing on standard error.'
    : `. It last said:\n${indented(lines.slice(-LINES))}`;
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join('\n');
