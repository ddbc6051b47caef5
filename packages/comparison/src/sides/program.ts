import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve, sep } from 'node:path';
import { DumpError, type Place, type RecordedRun, type RowDigests } from '@llama-probe/dump';
import { openGguf } from '@llama-probe/engine';
import { openRun, readMapping } from '@llama-probe/import';
import { inSteps } from '../in-steps.js';
import { brief, environmentOf, filled, nameOf } from '../program/command.js';
import { ProgramError } from '../program/errors.js';
import { OUT, outputIn, STDOUT } from '../program/output.js';
import { runProcess } from '../program/process.js';
import { noRun, refuseFailed } from '../program/told.js';
import type { Opening, RunPlan, Side } from '../side.js';
import { dumpSide } from './dump.js';

/** What a program is started with. */
export interface ProgramOptions extends Opening {
  /** The path of a GGUF file, which it is told. */
  readonly model: string;
  /** The prompt. */
  readonly tokens: readonly number[];
  /** How many tokens it is to decode greedily after that; 0 without it. */
  readonly steps?: number | undefined;
  /** The most tokens that it is to compute at once, where it can be told; as it likes without it. */
  readonly chunk?: number | undefined;
  /** What of its run is looked at; all that it writes without it. */
  readonly stages?: readonly string[] | undefined;
  readonly layers?: readonly number[] | undefined;
  /** The path of a mapping file: which stages arrays are whose names nobody knows. */
  readonly map?: string | undefined;
  /** How many layers the model has, which tells whether they are counted from 1. */
  readonly modelLayers?: number | undefined;
  /** How many logits the model makes of a row, which tells one row from all of them in a file without a header. */
  readonly vocabulary?: number | undefined;
  /** Where it is executed; the current folder without it. */
  readonly folder?: string | undefined;
  /** Seconds that it may take; 600 without it. */
  readonly timeout?: number | undefined;
}

/** Seconds. */
const TIMEOUT = 600;

/**
 * A program of the user's: a command line that is executed by the shell, and told by placeholders and by its environment what to run
 * (docs/engine.md). What it writes is a run that is over, in any format that is read; it is gone when the side is closed.
 *
 * @throws ProgramError where it leaves none, DumpError for one that cannot be read
 * @example await using mine = await program('python3 mine.py --out {out}', { model: 'model.gguf', tokens: [1, 15043], steps: 4 });
 */
export async function program(command: string, options: ProgramOptions): Promise<Side> {
  const side = dumpSide(await programRun(command, options));
  return {
    ...side,
    recorded: { ...(side.recorded as NonNullable<Side['recorded']>), asked: options.tokens },
    run(plan) {
      const { tensors, result } = side.run(plan);
      return { tensors: only(tensors, plan), result };
    },
  };
}

/**
 * The run that a program leaves: its file is gone when it is closed.
 *
 * @param options with `digests` hashes are as welcome as values
 * @throws ProgramError, DumpError
 */
export async function programRun(
  command: string,
  options: ProgramOptions & { readonly digests?: boolean },
): Promise<RecordedRun> {
  if (options.map !== undefined) await readMapping(options.map); // a mistake in it is told before anything runs
  const folder = new OwnFolder();
  try {
    const path = await outputOf(command, folder.path, options);
    const { tokens, map, modelLayers, vocabulary, digests } = options;
    const how = { tokens, map, modelLayers, vocabulary, digests };
    const run = await inItsName(command, folder.path, () => openRun(path, how));
    const ran = run.metadata.tokens;
    const goesOn = !run.digests && ran.length > tokens.length && tokens.every((id, i) => id === ran[i]);
    const stepped = goesOn ? inSteps(run, tokens.length, await headsOf(run, options.model)) : run;
    const close = async () => {
      await stepped.close();
      folder.remove();
    };
    return { ...named(stepped, command, folder.path, options), close };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

/** How many heads the scores of a run have: by itself, or else by the model; undefined where neither says it. */
async function headsOf({ metadata: { shapes } }: RecordedRun, model: string): Promise<number | undefined> {
  if (shapes?.kq) return shapes.kq[0];
  const { metadata } = await openGguf(model).catch(() => ({ metadata: {} as Record<string, unknown> })); // no GGUF file, for a program that needs none
  const count = metadata[`${metadata['general.architecture']}.attention.head_count`];
  return typeof count === 'number' ? count : undefined;
}

/** Runs it. @returns the path of what it has left */
async function outputOf(command: string, folder: string, options: ProgramOptions): Promise<string> {
  const { model, tokens, steps = 0, chunk, stages, layers, folder: cwd, timeout = TIMEOUT, progress } = options;
  const signal = options.signal ?? new AbortController().signal;
  const stdout = await open(join(folder, STDOUT), 'w');
  const begin = performance.now();
  const name = nameOf(command);
  const tell = () =>
    progress?.say(`running ${name}: ${Math.round((performance.now() - begin) / 1000)} s of at most ${timeout} s`);
  tell();
  const telling = setInterval(tell, 1000);
  try {
    const ended = await runProcess({
      command: filled(command),
      environment: environmentOf({
        model: resolve(model),
        tokens,
        steps,
        chunk,
        stages,
        layers,
        out: join(folder, OUT),
      }),
      stdout: stdout.fd,
      cwd,
      limit: timeout * 1000,
      signal,
    });
    signal.throwIfAborted();
    refuseFailed(command, ended, timeout);
    const output = await outputIn(folder);
    if ('path' in output) return output.path;
    throw noRun(command, output, ended);
  } finally {
    clearInterval(telling);
    await stdout.close();
  }
}

/** A run as the program's, instead of as that of a file that will be gone. */
function named(
  run: RecordedRun,
  command: string,
  folder: string,
  { model }: ProgramOptions,
): Omit<RecordedRun, 'close'> {
  const { metadata } = run;
  const producer =
    run.metadata.producer.name === basename(run.path) ? { name: nameOf(command), version: '' } : metadata.producer;
  const described =
    metadata.model?.file === basename(run.path) ? { ...metadata.model, file: basename(model) } : metadata.model;
  return {
    path: brief(command),
    bytes: run.bytes,
    notes: run.notes,
    metadata: { ...metadata, producer, ...(described ? { model: described } : {}) },
    tensors: () => readInItsName(command, folder, run.tensors()),
    digests: run.digests && (() => readInItsName(command, folder, run.digests?.() as AsyncGenerator<RowDigests>)),
  };
}

async function* readInItsName<T>(command: string, folder: string, read: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (;;) {
      const next = await inItsName(command, folder, () => read.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await read.return(undefined);
  }
}

/** What is wrong with its dump is told of the program: the file is nobody's to look at. */
async function inItsName<T>(command: string, folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof DumpError)) throw cause;
    const what = cause.message.replaceAll(folder + sep, '');
    const remedy = cause.code === 'dump-shape' ? ' If it decoded tokens, let it write the ids of all that it ran.' : '';
    throw new DumpError(cause.code, `--engine: what "${brief(command)}" wrote cannot be read: ${what}${remedy}`, {
      cause,
    });
  }
}

/** What is looked at, of a program that writes more. */
export async function* only<T extends Place>(
  all: AsyncIterable<T>,
  { stages, layers }: Pick<RunPlan, 'stages' | 'layers'>,
): AsyncGenerator<T> {
  const names = typeof stages === 'object' ? new Set(stages) : undefined;
  for await (const one of all) {
    const { stage, layer } = one;
    if ((names?.has(stage) ?? true) && (layer === null || !layers || layers.includes(layer))) yield one;
  }
}

/** A folder of temporary files, gone when it is removed or when the process ends. */
class OwnFolder {
  readonly path = temporary();
  readonly remove = (): void => {
    process.off('exit', this.remove);
    rmSync(this.path, { recursive: true, force: true });
  };

  constructor() {
    process.on('exit', this.remove);
  }
}

function temporary(): string {
  const at = resolve(tmpdir());
  try {
    return mkdtempSync(join(at, 'llama-probe-engine-'));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = `the program of --engine has nowhere to write: no folder can be made in ${at} (${code})`;
    throw new ProgramError('program-start', `${what}. Set TMPDIR to one where that is possible.`, { cause });
  }
}
