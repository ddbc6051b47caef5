import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Precision } from '@llama-probe/dump';
import { contentHash } from '@llama-probe/reference';
import { UsageError } from '../errors.js';
import { decode, encode } from '../report-json.js';
import { VERSION } from '../version.js';
import type { WindowScores } from './measure.js';
import type { TextOptions } from './options.js';
import type { TextRun } from './run.js';

/** What is kept of a window that is done. */
export interface Finished {
  readonly window: number;
  /** What the candidate was found to compute in. */
  readonly format: Precision;
  readonly scores: WindowScores;
  /** KL divergences of the floor, where it was measured there. */
  readonly floor: readonly number[] | null;
}

/** The windows that are done, a line each, so that a run that was ended goes on from there. */
export class StateFile {
  private constructor(
    private readonly path: string,
    private readonly done: ReadonlyMap<number, Finished>,
  ) {}

  /** @throws UsageError for a file of another run, or one that cannot be written */
  static async open(path: string, run: TextRun): Promise<StateFile> {
    const head = encode({ schema: 1, kind: 'text-state', key: await keyOf(run) });
    const [first, ...lines] = contentOf(path).split('\n').slice(0, -1); // the last one may not have been finished
    if (first !== undefined && first !== head)
      throw new UsageError(
        `--state: ${path} is of another text, model, candidate or version, or no such file. Give another name, or remove it.`,
      );
    try {
      writeFileSync(path, [head, ...lines, ''].join('\n'));
    } catch (error) {
      throw new UsageError(`--state: ${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
    }
    const done = lines.map((line) => decode(line) as Finished);
    return new StateFile(path, new Map(done.map((one) => [one.window, one])));
  }

  get(window: number): Finished | undefined {
    return this.done.get(window);
  }

  add(finished: Finished): void {
    appendFileSync(this.path, `${encode(finished)}\n`);
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new UsageError(`--state: ${path} cannot be read (${code}).`);
  }
}

/** The options that the numbers of a window depend on. */
const OF_THE_SIDES = [
  'engine',
  'candidate',
  'llamaLib',
  'device',
  'inject',
  'map',
  'precision',
  'adapter',
  'ubatch',
  'reference',
  'exactBy',
  'base',
  'floors',
] as const satisfies readonly (keyof TextOptions)[];

async function keyOf({ options, file, source }: TextRun): Promise<string> {
  const sides = OF_THE_SIDES.map((name) => [name, options[name]]);
  const hash = createHash('sha256').update(JSON.stringify([VERSION, await contentHash(file.path), sides]));
  for (const { tokens, first, last } of source.windows) hash.update(JSON.stringify([tokens, first, last]));
  return hash.digest('hex');
}
