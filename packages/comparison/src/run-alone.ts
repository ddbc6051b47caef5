import { openGguf } from '@llama-probe/engine';
import { openRun } from '@llama-probe/import';
import type { Look } from './asked.js';
import { compare } from './compare.js';
import { everyStage, layersOf } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import { openingOf, type ReadOptions } from './opening.js';
import type { LimitOptions, ModeChoice, PrecisionChoice } from './options.js';
import { ownModel } from './own-model.js';
import type { Progress } from './progress.js';
import type { Report } from './report.js';
import { dumpSide } from './sides/dump.js';
import { llamaSide } from './sides/llama.js';
import { openLlama } from './sides/open.js';

/** How a recorded run is judged without another one. */
export interface AloneOptions extends LimitOptions, ReadOptions {
  readonly reference: ModeChoice;
  /** What the candidate computes in; auto: told from the bits of its values. */
  readonly precision?: PrecisionChoice | undefined;
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
  blamed?: Look['blamed'],
): Promise<Report> {
  const opening = openingOf(options);
  const file = await openGguf(model);
  const run = await openRun(path, { ...opening, modelLayers: layersOf(file) });
  try {
    await ownModel(model, [run]);
    const { reference, chosen } = await openLlama(file, options, progress, signal);
    try {
      const side = llamaSide(reference, file, chosen, await readUnlessLlama(reference, file));
      progress.say(`comparing ${path} with llama.cpp`);
      const { floors, margin, minimum, precision, blame } = options;
      const ask = { floors, margin, minimum, precision, blame, stages: everyStage(file), model: file };
      return await compare(dumpSide(run), side, ask, { progress, signal, blamed });
    } finally {
      await reference.close();
    }
  } finally {
    await run.close();
  }
}
