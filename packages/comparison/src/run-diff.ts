import type { RecordedRun } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { openReference } from '@llama-probe/reference';
import { Clock } from './clock.js';
import { compare } from './compare.js';
import { UsageError } from './errors.js';
import { openRuns } from './open-runs.js';
import type { DiffOptions } from './options.js';
import { ownModel } from './own-model.js';
import type { Progress } from './progress.js';
import type { Report } from './report.js';
import { parseJudged } from './selection.js';
import type { Side, TextTools } from './side.js';
import { dumpSide } from './sides/dump.js';
import { textTools } from './sides/text-tools.js';
import type { Watcher } from './watcher.js';

/**
 * `probe diff CANDIDATE REFERENCE`: two dumps, in any format that is read.
 *
 * Where llama.cpp's is given as the candidate and another engine's as the reference, they are taken the other way round, and that is said.
 */
export async function runDiff(
  candidatePath: string,
  referencePath: string,
  { model: path, stages, layers, ...options }: DiffOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
): Promise<Report> {
  if (options.blame && path === undefined) {
    throw new UsageError('--blame runs llama.cpp on the model that the dumps are of; give --model FILE.');
  }
  const clock = new Clock();
  const judged = parseJudged({ stages, layers });
  const opened = await clock.during('loading', () => openRuns(candidatePath, referencePath, options));
  const [candidate, reference] = besideEachOther(opened, options);
  const isExcerpt = candidate !== opened[0];
  try {
    const isSwapped = isLlama(candidate) && !isLlama(reference);
    const sides = isSwapped ? ([reference, candidate] as const) : ([candidate, reference] as const);
    const speller = path === undefined ? undefined : new Speller(path, signal);
    try {
      const own = () => clock.during('loading', () => ownModel(path, [sides[1], sides[0]]));
      const model = isExcerpt ? undefined : await own();
      progress.say(`comparing ${sides[0].path} with ${sides[1].path}`);
      const ask = {
        ...options,
        judged,
        model,
        ...(isExcerpt ? { blame: false } : {}),
        ...(model && speller ? { text: () => speller.open(model) } : {}),
      };
      const [ours, theirs] = sides.map((run) => ({ ...dumpSide(run), ...(isExcerpt ? { isExcerpt } : {}) })) as [
        Side,
        Side,
      ];
      const found = await compare(ours, theirs, ask, { progress, watcher, signal, clock });
      const report = { ...found, timings: { ...found.timings, ...clock.timings() } };
      if (!isSwapped) return report;
      const swapped = `${candidatePath} is llama.cpp's, and was taken for the reference though it was given as the candidate.`;
      return { ...report, reason: `${report.reason} ${swapped}` };
    } finally {
      await speller?.close();
    }
  } finally {
    await Promise.all([candidate.close(), reference.close()]);
  }
}

/** Two runs, and where one is an excerpt only what there is of both. @throws UsageError where that is not enough */
function besideEachOther(
  runs: readonly [RecordedRun, RecordedRun],
  { blame, strict }: DiffOptions,
): readonly [RecordedRun, RecordedRun] {
  const [candidate, reference] = runs;
  const short = candidate.excerpt ? candidate : reference;
  if (!short.excerpt) return runs;
  const has = `${short.path} has ${short.excerpt.what} only`;
  if (candidate.excerpt && reference.excerpt)
    throw new UsageError(`${has}, and so has ${reference.path}; give a whole run beside it.`);
  if (blame) throw new UsageError(`${has}: llama.cpp cannot go on from that; leave out --blame, or dump all values.`);
  if (strict) throw new UsageError(`${has}; leave out --strict, or dump all values.`);
  if (candidate.excerpt) {
    const { ours, theirs } = candidate.excerpt.beside(reference);
    return [ours, theirs];
  }
  const { ours, theirs } = short.excerpt.beside(candidate);
  return [theirs, ours];
}

const isLlama = ({ metadata }: RecordedRun): boolean => metadata.producer.name === 'llama.cpp';

/** llama.cpp, for its vocabulary only: opened when something is to be spelled. */
class Speller {
  private opened: Promise<Awaited<ReturnType<typeof openReference>>> | undefined;

  constructor(
    private readonly model: string,
    private readonly signal: AbortSignal,
  ) {}

  /** undefined where llama.cpp does not load the model: then there are ids and no text. */
  async open(file: GgufFile): Promise<TextTools | undefined> {
    this.opened = openReference({ model: this.model, mode: 'native', signal: this.signal });
    try {
      return textTools(await this.opened, file);
    } catch (error) {
      this.signal.throwIfAborted();
      this.opened = undefined;
      if (typeof (error as { code?: unknown }).code !== 'string') throw error;
      return undefined;
    }
  }

  async close(): Promise<void> {
    await (await this.opened)?.close();
  }
}
