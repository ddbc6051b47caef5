import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@llama-probe/comparison/ask';
import { importDefault } from '@llama-probe/report';
import type { z } from 'zod';
import { CONFIG } from './config.js';
import { explainIssues } from './issues.js';

export type CheckedConfig = z.output<typeof CONFIG>;

/** A configuration that is as the schema wants it. */
export interface LoadedConfig {
  readonly path: string;
  readonly config: CheckedConfig;
  /** Hash of its content: two jobs with the same hash have the same cases. */
  readonly hash: string;
}

export const CONFIG_NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `probe.config.${ending}`);

/**
 * Finds, reads and checks the configuration.
 *
 * @param given its path; without it, it is looked for in `directory`
 * @throws UsageError that names the file, the place in it, what was found and what was wanted
 */
export async function loadConfig(given: string | undefined, directory = process.cwd()): Promise<LoadedConfig> {
  const path = given === undefined ? find(directory) : named(given, directory);
  const value = await evaluate(path);
  const checked = CONFIG.safeParse(value);
  if (!checked.success) {
    const lines = explainIssues(checked.error.issues, value);
    const more = lines.length > 1 ? lines.map((line) => `\n  ${line}`).join('') : ` ${lines[0]}`;
    throw new UsageError(`${path}:${more}\nprobe help gate and docs/gate.md say what it may hold.`);
  }
  const hash = createHash('sha256').update(JSON.stringify(checked.data)).digest('hex');
  return { path, config: checked.data, hash };
}

const ENDINGS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'];

function named(given: string, directory: string): string {
  const wanted = `wanted a file such as ${CONFIG_NAMES[0]}. docs/gate.md has one.`;
  if (given === '') throw new UsageError(`--config: the name is empty; ${wanted}`);
  const path = resolve(directory, given);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`--config: ${path} does not exist; ${wanted}`);
  if (found.isDirectory()) throw new UsageError(`--config: ${path} is a folder; ${wanted}`);
  if (ENDINGS.includes(extname(path).slice(1))) return path;
  const endings = ENDINGS.map((ending) => `.${ending}`).join(', ');
  throw new UsageError(`--config: ${path} has another ending than ${endings}; ${wanted}`);
}

function find(directory: string): string {
  const found = CONFIG_NAMES.filter((name) => existsSync(join(directory, name)));
  if (found.length > 1) {
    throw new UsageError(`${directory} has ${found.join(' and ')}; keep one of them, or name it with --config.`);
  }
  if (!found[0]) {
    throw new UsageError(
      `${directory} has no configuration; wanted one of ${CONFIG_NAMES.join(', ')}, or --config FILE. The shortest probe.config.json is {"runs": [{}]}.`,
    );
  }
  return join(directory, found[0]);
}

/** What a configuration imports of `llama-probe` is this very installation's, wherever it lies, and all that it has use for. */
const ALIAS = { 'llama-probe': fileURLToPath(new URL('define.js', import.meta.url)) };

const WANTED = 'export default defineConfig({ runs: [{}] })';

async function evaluate(path: string): Promise<unknown> {
  if (!path.endsWith('.json')) return importDefault(path, WANTED, ALIAS);
  try {
    return JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}. Mend the file.`);
  }
}
