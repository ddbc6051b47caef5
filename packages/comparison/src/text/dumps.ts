import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DumpError, type RecordedRun } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { openRun } from '@llama-probe/import';
import type { Clock } from '../clock.js';
import { firstGiven, UsageError } from '../errors.js';
import { everyStage, knownByModel } from '../model.js';
import { ownModel } from '../own-model.js';
import type { Side } from '../side.js';
import { dumpSide } from '../sides/dump.js';
import type { TextCandidate } from './candidate.js';
import type { TextOptions } from './options.js';

/** Whether what is given as prompts is a folder of dumps, each of which is one prompt, and what the candidate has made of it. */
export const areDumps = ({ prompts }: Pick<TextOptions, 'prompts'>): boolean =>
  prompts !== undefined && (statSync(prompts, { throwIfNoEntry: false })?.isDirectory() ?? false);

/** @throws UsageError for what only a candidate takes that runs, before anything is opened */
export function checkDumpOptions(options: TextOptions): void {
  const { adapter, candidate, device, engine, engineTimeout, find, inject, llamaLib, prompts, state, stream, ubatch } =
    options;
  const wrong = firstGiven({
    '--engine': engine,
    '--candidate': candidate,
    '--llama-lib': llamaLib,
    '--device': device,
    '--inject': inject,
    '--adapter': adapter === 'auto' ? undefined : adapter,
    '--stream': stream,
    '--ubatch': ubatch,
    '--engine-timeout': engineTimeout,
    '--find': find,
    '--state': state,
  });
  if (wrong === undefined) return;
  throw new UsageError(
    `${wrong} is for a candidate that is run, and --prompts ${prompts} is a folder of dumps, of runs that are over; leave out ${wrong}, or give a file of prompts.`,
  );
}

/** A dump of the folder, and what it has run. */
export interface DumpPrompt {
  readonly dump: string;
  readonly tokens: readonly number[];
}

/**
 * The tokens of each dump in the folder, sorted by name. One is open at a time.
 *
 * @throws UsageError with the file that is no dump, is of another model, or does not say what it has run
 */
export async function readDumps(options: TextOptions, file: GgufFile, signal: AbortSignal): Promise<DumpPrompt[]> {
  const { prompts: folder = '', windows: most } = options;
  const found: DumpPrompt[] = [];
  for (const name of namesIn(folder).slice(0, most)) {
    signal.throwIfAborted();
    const run = await open(name, options, file);
    const { tokens } = run.metadata;
    try {
      await ownModel(file.path, [run]);
    } finally {
      await run.close();
    }
    if (tokens.length === 0)
      throw new UsageError(
        `--prompts: ${join(folder, name)} does not say which tokens were run; wanted a dump with their ids, such as input_ids (docs/formats.md).`,
      );
    found.push({ dump: name, tokens });
  }
  return found;
}

/** The dumps as the candidate: nothing is run. */
export function recorded(options: TextOptions, file: GgufFile, clock: Clock): TextCandidate {
  const names = new Set<string>();
  /** What all that were read have in common. */
  let about: Side['about'] | undefined;
  return {
    get about() {
      return about && { ...about, name: [...names].join(' and ') || (options.prompts ?? '') };
    },
    precision: options.precision ?? 'auto',
    stages: everyStage(file),
    recorded: true,
    async on({ dump: name = '' }) {
      const side = await clock.during('loading', async () => dumpSide(await open(name, options, file)));
      const { name: producer, version, backend, model, heads } = side.about;
      if (producer !== name) names.add(producer); // a file that does not say who wrote it has its own name
      about = {
        name: producer,
        version: about === undefined || about.version === version ? version : '',
        ...(backend !== undefined && (about === undefined || about.backend === backend) ? { backend } : {}),
        model,
        heads,
      };
      return side;
    },
    close: async () => {},
  };
}

/** What is there, but for what a file manager hides. @throws UsageError where there is nothing, or it cannot be read */
function namesIn(folder: string): string[] {
  let all: string[];
  try {
    all = readdirSync(folder);
  } catch (error) {
    throw new UsageError(`--prompts: ${folder} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const names = all.filter((name) => !name.startsWith('.')).sort();
  if (names.length > 0) return names;
  throw new UsageError(`--prompts: ${folder} is an empty folder; wanted dumps of an engine in it, one a prompt.`);
}

async function open(name: string, { prompts = '', map }: TextOptions, file: GgufFile): Promise<RecordedRun> {
  try {
    return await openRun(join(prompts, name), { map, ...knownByModel(file) });
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    throw new UsageError(
      `--prompts: ${prompts} is a folder, and each file in it has to be a dump of an engine: ${error.message}`,
      { cause: error },
    );
  }
}
