import { openGguf } from '@llama-probe/engine';
import { openRun } from '@llama-probe/import';
import type { Look } from './asked.js';
import { Clock } from './clock.js';
import { compare } from './compare.js';
import { everyStage, knownByModel } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import { openingOf } from './opening.js';
import type { BlameOptions } from './options.js';
import { ownModel } from './own-model.js';
import type { Progress } from './progress.js';
import type { Report } from './report.js';
import { parseJudged } from './selection.js';
import { dumpSide } from './sides/dump.js';
import { llamaSide } from './sides/llama.js';
import { openLlama } from './sides/open.js';

/** How a recorded run is judged without another one. */
export interface AloneOptions extends Omit<BlameOptions, 'model'> {
  /** llama.cpp from the candidate's inputs: always, or, where undefined, if the two diverged. */
  readonly blame?: true | undefined;
}

/**
 * A recorded run, in any format that is read, and the model that was run: llama.cpp runs its tokens, and each of its stages from the inputs that
 * the run had there.
 *
 * @param model the path of the GGUF file
 * @throws UsageError where the run is of another file, or does not say its tokens
 */
export async function runAlone(
  path: string,
  model: string,
  options: AloneOptions,
  progress: Progress,
  signal: AbortSignal,
  look: Pick<Look, 'blamed' | 'watcher'> = {},
): Promise<Report> {
  const clock = new Clock();
  const { floors, margin, minimum, ruleAt, precision, blame, stages, layers } = options;
  const judged = parseJudged({ stages, layers });
  const opening = openingOf(options);
  const file = await openGguf(model);
  const run = await clock.during('loading', () => openRun(path, { ...opening, ...knownByModel(file) }));
  try {
    await ownModel(model, [run]);
    const { reference, chosen } = await clock.during('loading', () => openLlama(file, options, progress, signal));
    try {
      const graph = await clock.during('loading', () => readUnlessLlama(reference, file));
      const side = llamaSide(reference, file, chosen, graph);
      progress.say(`comparing ${path} with llama.cpp`);
      const limits = { floors, margin, minimum, ruleAt, precision };
      const ask = { ...limits, judged, blame, stages: everyStage(file), model: file };
      const found = await compare(dumpSide(run), side, ask, { ...look, progress, signal, clock });
      return { ...found, timings: { ...found.timings, ...clock.timings() } };
    } finally {
      await reference.close();
    }
  } finally {
    await run.close();
  }
}
