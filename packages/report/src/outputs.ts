import { type Finding, UsageError } from '@llama-probe/comparison/ask';
import { checkWritable, placeOf, writeWhole } from './write-file.js';

/** Which outputs are wanted besides text. A file named `-` is standard output. */
export interface OutputOptions {
  json?: boolean;
  html?: string;
  markdown?: string;
  junit?: string;
  csv?: string;
  arrow?: string;
  /** Workflow annotations on standard output, and the job summary of GitHub Actions. */
  github?: boolean;
}

type FileOutput = 'html' | 'markdown' | 'junit' | 'csv' | 'arrow';

/** The outputs that are files. Each is loaded when it is asked for. */
const FILES: Readonly<Record<FileOutput, (findings: readonly Finding[]) => Promise<string | Uint8Array>>> = {
  html: async (findings) => (await import('./page/html.js')).html(findings),
  markdown: async (findings) => (await import('./markdown/markdown.js')).markdown(findings),
  junit: async (findings) => (await import('./junit/junit.js')).junit(findings),
  csv: async (findings) => (await import('./tables/csv.js')).csv(findings),
  arrow: async (findings) => (await import('./tables/arrow.js')).arrow(findings),
};

const given = (options: OutputOptions): [FileOutput, string][] =>
  (Object.keys(FILES) as FileOutput[]).flatMap((name) => {
    const path = options[name];
    return path === undefined ? [] : [[name, path]];
  });

/** Whether an output takes standard output, so that the text report is not printed. */
export const takesStdout = (options: OutputOptions): boolean =>
  options.json === true || given(options).some(([, path]) => path === '-');

/**
 * Checks before anything runs that what is asked for can be written: a comparison of minutes must not be lost at its end.
 *
 * @param taken files that the command itself reads or keeps, and that no output may take the place of
 * @throws UsageError for two outputs in one place, and for a file that cannot be written
 */
export function checkOutputs(options: OutputOptions, taken: readonly string[] = []): void {
  const places = new Map<string, string>(options.json ? [['-', '--json']] : []);
  const own = new Set(taken.map(placeOf));
  for (const [name, path] of given(options)) {
    if (path === '')
      throw new UsageError(`--${name}: wanted the name of a file, or - for standard output; got nothing.`);
    const place = path === '-' ? '-' : placeOf(path);
    const other = places.get(place);
    if (other) {
      const shown = path === '-' ? 'standard output' : path;
      throw new UsageError(`${other} and --${name} both write to ${shown}; give one of them another file.`);
    }
    places.set(place, `--${name}`);
    if (path === '-') {
      if (name === 'arrow' && process.stdout.isTTY) {
        throw new UsageError('--arrow -: standard output is a terminal, and Arrow is no text; name a file.');
      }
      continue;
    }
    if (own.has(place)) {
      throw new UsageError(`--${name}: ${path} is a file that this command itself reads or keeps; name another one.`);
    }
    checkWritable(`--${name}`, path);
  }
}

/**
 * Writes what was asked for. One that fails does not keep the others from being written.
 *
 * @returns the files that were written @throws UsageError for what could not be
 */
export async function writeOutputs(
  findings: readonly Finding[],
  options: OutputOptions,
  print: (text: string | Uint8Array) => void,
): Promise<string[]> {
  const written: string[] = [];
  const problems: string[] = [];
  for (const [name, path] of given(options)) {
    const content = await FILES[name](findings);
    if (path === '-') {
      print(content);
      continue;
    }
    try {
      writeWhole(`--${name}`, path, content);
      written.push(path);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(error.message);
    }
  }
  if (options.github) {
    const { annotations, writeSummary } = await import('./github.js');
    const lines = annotations(findings);
    // GitHub reads commands from both streams; a machine that reads the first one wants nothing else there.
    if (takesStdout(options)) process.stderr.write(lines);
    else print(lines);
    await writeSummary(findings);
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return written;
}
