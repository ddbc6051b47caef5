import { type Finding, UsageError } from '@llama-probe/comparison/ask';
import { filesIn, OUTPUTS, type OutputName, type OutputOptions, takesStdout } from './outputs.js';
import { checkWritable, placeOf, writeWhole } from './write-file.js';

/**
 * Checks before anything runs that what is asked for can be written: a comparison of minutes must not be lost at its end.
 *
 * @param taken files that the command itself reads or keeps, and that no output may take the place of
 * @throws UsageError for two outputs in one place, and for a file that cannot be written
 */
export function checkOutputs(options: OutputOptions, taken: readonly string[] = []): void {
  const places = new Map<string, string>(options.json ? [['-', '--json']] : []);
  const { reporter, reporterFile = '-' } = options;
  const own = new Set([...taken, ...(reporter === undefined ? [] : [reporter])].map(placeOf));
  const wanted = [...filesIn(options), ...(reporter === undefined ? [] : [['reporter', reporterFile] as const])];
  for (const [name, path] of wanted) {
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

/** Writes one output into a file, whatever its option is. @throws UsageError where it cannot be written */
export async function writeOutput(name: OutputName, findings: readonly Finding[], path: string): Promise<void> {
  const write = await OUTPUTS[name].load();
  writeWhole(`--${name}`, path, write(findings));
}

/**
 * Writes the files and the annotations that were asked for; `--json` is the command's own to print, since a gate's is another object. One that
 * fails does not keep the others from being written.
 *
 * @returns the files that were written @throws UsageError for what could not be
 */
export async function writeOutputs(
  findings: readonly Finding[],
  options: OutputOptions,
  print: (text: string | Uint8Array) => void,
): Promise<string[]> {
  const written: string[] = [];
  const problems: UsageError[] = [];
  const write = async (name: string, path: string, content: () => Promise<string | Uint8Array>) => {
    try {
      if (path === '-') return print(await content());
      writeWhole(`--${name}`, path, await content());
      written.push(path);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      problems.push(error);
    }
  };
  for (const [name, path] of filesIn(options)) {
    await write(name, path, async () => (await OUTPUTS[name].load())(findings));
  }
  const { reporter, reporterFile = '-' } = options;
  if (reporter !== undefined) {
    const { report } = await import('./reporter.js');
    await write('reporter', reporterFile, () => report(reporter, findings));
  }
  if (options.github) {
    const { annotations, writeSummary } = await import('./github.js');
    const lines = annotations(findings);
    // GitHub reads commands from both streams; a machine that reads the first one wants nothing else there.
    if (takesStdout(options)) process.stderr.write(lines);
    else print(lines);
    await writeSummary(findings);
  }
  const [problem, ...more] = problems;
  if (!problem) return written;
  throw more.length === 0 ? problem : new UsageError(problems.map(({ message }) => message).join('\n'));
}
