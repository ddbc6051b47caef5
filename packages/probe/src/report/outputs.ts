import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { UsageError } from '../errors.js';
import type { Finding } from './outcome.js';

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
  html: async (findings) => (await import('./html.js')).html(findings),
  markdown: async (findings) => (await import('./markdown.js')).markdown(findings),
  junit: async (findings) => (await import('./junit.js')).junit(findings),
  csv: async (findings) => (await import('./csv.js')).csv(findings),
  arrow: async (findings) => (await import('./arrow.js')).arrow(findings),
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
 * @throws UsageError for two outputs in one place, and for a file that cannot be written
 */
export function checkOutputs(options: OutputOptions): void {
  const places = new Map<string, string>(options.json ? [['-', '--json']] : []);
  for (const [name, path] of given(options)) {
    const other = places.get(path);
    const place = path === '-' ? 'standard output' : path;
    if (other) throw new UsageError(`${other} and --${name} both write to ${place}; give one of them another file.`);
    places.set(path, `--${name}`);
    if (path === '-') continue;
    try {
      closeSync(openSync(path, 'wx'));
      rmSync(path); // it was only to see whether it can be made
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw unwritable(name, path, code);
      try {
        closeSync(openSync(path, 'r+'));
      } catch (error) {
        throw unwritable(name, path, (error as NodeJS.ErrnoException).code);
      }
    }
  }
}

/** Writes what was asked for. @returns the files that were written */
export async function writeOutputs(
  findings: readonly Finding[],
  options: OutputOptions,
  print: (text: string | Uint8Array) => void,
): Promise<string[]> {
  const written: string[] = [];
  for (const [name, path] of given(options)) {
    const content = await FILES[name](findings);
    if (path === '-') {
      print(content);
      continue;
    }
    try {
      writeFileSync(path, content);
    } catch (error) {
      throw unwritable(name, path, (error as NodeJS.ErrnoException).code);
    }
    written.push(path);
  }
  if (options.github) {
    const { annotations, writeSummary } = await import('./github.js');
    const lines = annotations(findings);
    // GitHub reads commands from both streams; a machine that reads the first one wants nothing else there.
    if (takesStdout(options)) process.stderr.write(lines);
    else print(lines);
    await writeSummary(findings);
  }
  return written;
}

function unwritable(name: string, path: string, code: string | undefined): UsageError {
  return new UsageError(
    `--${name}: ${path} cannot be written (${code}). Name a file in a folder that exists and has room.`,
  );
}
