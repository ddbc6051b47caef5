import { basename } from 'node:path';
import { UsageError } from '@llama-probe/comparison/ask';

/**
 * What a module of the user's exports by default, TypeScript or JavaScript.
 *
 * @param wanted what it should export, for the message
 * @param alias packages that mean others than those beside the module
 * @throws UsageError where it cannot be read, and where it has no default export
 */
export async function importDefault(
  path: string,
  wanted: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, alias: { ...alias } });
  const value = await stdoutIsStderr(async () => {
    try {
      return await jiti.import<unknown>(path, { default: true });
    } catch (cause) {
      throw new UsageError(
        `${path}: cannot be read: ${firstLine(cause).replaceAll(path, basename(path))}. Mend the file.`,
        {
          cause,
        },
      );
    }
  });
  if (isModule(value)) throw new UsageError(`${path}: has no default export; wanted ${wanted}.`);
  return value;
}

/** What a user's code prints must not stand in the result: meanwhile standard output is standard error. */
export async function stdoutIsStderr<T>(run: () => Promise<T>): Promise<T> {
  const { stdout, stderr } = process;
  const write = stdout.write;
  stdout.write = stderr.write.bind(stderr) as typeof write;
  try {
    return await run();
  } finally {
    stdout.write = write;
  }
}

/** Of whatever was thrown. */
export const firstLine = (thrown: unknown): string =>
  String((thrown as Error | null | undefined)?.message ?? thrown).split('\n')[0] ?? '';

/** jiti gives the whole module where it has no default export. */
const isModule = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.prototype.toString.call(value) === '[object Module]' || '__esModule' in value);
