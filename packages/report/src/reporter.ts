import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { type Outcome, UsageError } from '@llama-probe/comparison/ask';
import type { OutputOptions } from './outputs.js';
import { firstLine, importDefault, stdoutIsStderr } from './user-module.js';

/** Makes a report of yours: of the one run of `compare` and `diff`, of every case of `gate`. */
export type ReportFunction = (
  outcomes: readonly Outcome[],
) => string | Uint8Array | Promise<string> | Promise<Uint8Array>;

/**
 * What a module for `--reporter` exports by default. What it returns goes to standard output, in place of the text, or to `file`.
 *
 * @example export default ((outcomes) => outcomes.map(({ name, reason }) => `${name}: ${reason}\n`).join('')) satisfies Reporter;
 */
export type Reporter = ReportFunction | { readonly report: ReportFunction; readonly file?: string };

const ENDINGS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
const WANTED = 'export default (outcomes) => …, or { report(outcomes), file }. docs/outputs.md has one';

/**
 * Reads the user's reporter before anything runs, so that a mistake in it costs nothing.
 *
 * @returns the options, with the file that it writes to @throws UsageError where there is no reporter in that file
 */
export async function withReporter<Options extends OutputOptions>(options: Options): Promise<Options> {
  if (options.reporter === undefined) return options;
  const { file } = await load(options.reporter);
  return file === undefined ? options : { ...options, reporterFile: file };
}

/** What the user's reporter makes of the runs. @throws UsageError where it throws, and where it returns something else */
export async function report(path: string, outcomes: readonly Outcome[]): Promise<string | Uint8Array> {
  const { report } = await load(path);
  const content: unknown = await stdoutIsStderr(async () => {
    try {
      return await report(outcomes);
    } catch (cause) {
      const message = `--reporter: ${path} threw: ${firstLine(cause)}. Mend it; LLAMA_PROBE_TRACE=1 shows where.`;
      throw new UsageError(message, { cause });
    }
  });
  if (typeof content === 'string' || content instanceof Uint8Array) return content;
  throw new UsageError(`--reporter: ${path} returned ${kindOf(content)}; wanted a text, or bytes as a Uint8Array.`);
}

async function load(given: string): Promise<{ readonly report: ReportFunction; readonly file?: string | undefined }> {
  const wanted = 'wanted a module such as ./mine.ts. docs/outputs.md has one.';
  if (given === '') throw new UsageError(`--reporter: the name is empty; ${wanted}`);
  const path = resolve(given);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`--reporter: ${path} does not exist; ${wanted}`);
  if (found.isDirectory()) throw new UsageError(`--reporter: ${path} is a folder; ${wanted}`);
  if (!ENDINGS.includes(extname(path))) {
    throw new UsageError(`--reporter: ${path} has another ending than ${ENDINGS.join(', ')}; ${wanted}`);
  }
  return checked(path, await importDefault(path, WANTED));
}

function checked(path: string, value: unknown): Awaited<ReturnType<typeof load>> {
  if (typeof value === 'function') return { report: value as ReportFunction };
  const { report, file } = (value ?? {}) as { report?: unknown; file?: unknown };
  if (typeof report !== 'function') {
    throw new UsageError(`${path}: its default export is ${kindOf(value)} without report(outcomes); wanted ${WANTED}.`);
  }
  if (file !== undefined && typeof file !== 'string') {
    throw new UsageError(
      `${path}: its file is ${kindOf(file)}; wanted the name of a file, or none for standard output.`,
    );
  }
  return { report: (outcomes) => report.call(value, outcomes), file };
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
