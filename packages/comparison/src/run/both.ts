import type { Heads } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Graph, llamaGraph } from '@llama-probe/dump/stage';
import type { Engine, RunOptions as EngineOptions, EngineRun, GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import type { Injector } from '../diagnosis/injector.js';
import type { ChosenMode } from '../model.js';
import type { CompareOptions } from '../options.js';
import type { Progress } from '../progress.js';
import type { Watcher } from './watcher.js';

/** The two sides of a comparison, opened, and what was asked for. */
export interface Both {
  readonly engine: Engine;
  readonly reference: Reference;
  readonly chosen: ChosenMode;
  readonly file: GgufFile;
  /** Puts the bugs that were asked for into the engine's runs. */
  readonly injector: Injector | undefined;
  readonly options: CompareOptions;
  /** Looks on at what the runs find. */
  readonly watcher: Watcher | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A run of the engine, with the bugs that were asked for. */
export function runEngine({ engine, injector, signal }: Both, options: EngineOptions): EngineRun {
  const run = { ...options, signal };
  return injector ? injector.run(engine, run) : engine.run(run);
}

/** What the engine computes. */
export const graphOf = (engine: Engine): Graph => llamaGraph({ layers: engine.config.blockCount, ...heads(engine) });

export const heads = ({ config }: Engine): Heads => ({ heads: config.headCount, headsKv: config.headCountKv });

export async function* say(
  tensors: AsyncIterable<Tensor>,
  what: string,
  { config }: Engine,
  progress: Progress,
): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    if (tensor.layer !== null)
      progress.say(`${what} step ${tensor.step}, layer ${tensor.layer + 1} of ${config.blockCount}`);
    yield tensor;
  }
}
