import { isStageName } from '@llama-probe/dump/stage';
import { isPlain, openGguf } from '@llama-probe/engine';
import { Clock } from './clock.js';
import { compare } from './compare.js';
import { parseInjections } from './diagnosis/inject-option.js';
import { firstGiven, UsageError } from './errors.js';
import { readAhead } from './floors/choose.js';
import { Kept } from './kept.js';
import { BUNDLED_MODEL } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import type { CompareOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt } from './prompt.js';
import type { Report } from './report.js';
import { parseLayers, parseStages } from './selection.js';
import { llamaSide } from './sides/llama.js';
import { type OpenSides, openSides } from './sides/open.js';
import { webgpuSide } from './sides/webgpu.js';
import type { Watcher } from './watcher.js';

/**
 * `probe compare`: the engine and llama.cpp on the same tokens, compared as they run.
 *
 * @param open what opens the sides, where several comparisons share them
 */
export async function runCompare(
  options: CompareOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
  open: OpenSides = openSides,
): Promise<Report> {
  const begin = performance.now();
  const clock = new Clock();
  refuseOfPrograms(options);
  const prompt = parsePrompt(options);
  await checkStages(options);
  Kept.check(options.out); // before anything is opened
  const sides = await clock.during('loading', () => open(options, progress, signal, clock));
  const over = new AbortController();
  try {
    const opened = performance.now();
    const { file, engine, reference, chosen } = sides;
    if (options.floors !== false) readAhead(reference, file, AbortSignal.any([signal, over.signal]));
    const { blockCount } = engine.config;
    const layers = parseLayers(options.layers, blockCount);
    const stages = parseStages(options.stages, engine.graph.names);
    const graph = await clock.during('loading', () => readUnlessLlama(reference, file));
    const candidate = webgpuSide(engine, parseInjections(options.inject, blockCount));
    const { floors, margin, minimum, ruleAt, steps, ubatch, blame, out } = options;
    const report = await compare(
      candidate,
      llamaSide(reference, file, chosen, graph),
      {
        floors,
        margin,
        minimum,
        ruleAt,
        prompt,
        steps,
        ubatch,
        stages,
        layers,
        blame,
        keep: out,
      },
      { progress, watcher, signal, clock },
    );
    const timings = { open: opened - begin, ...report.timings, ...clock.timings() };
    return { ...report, timings };
  } finally {
    over.abort();
    await sides.close();
  }
}

/** Names that no model has, or that a Llama has not, are told before anything is opened. @throws UsageError */
async function checkStages({ stages, model }: CompareOptions): Promise<void> {
  if (stages === undefined || stages.split(',').every((name) => isStageName(name.trim()))) return;
  if (stages.split(',').includes('all') || isPlain(await openGguf(model ?? BUNDLED_MODEL))) parseStages(stages);
}

/** @throws UsageError for what says how a program's run is read, where there is no program */
export function refuseOfPrograms({
  map,
  precision = 'auto',
  engineTimeout,
}: Pick<CompareOptions, 'map' | 'precision' | 'engineTimeout'>): void {
  const given = {
    '--map': map,
    '--precision': precision === 'auto' ? undefined : precision,
    '--engine-timeout': engineTimeout,
  };
  const wrong = firstGiven(given);
  if (wrong === undefined) return;
  throw new UsageError(`${wrong} is for a program of yours; give its command with --engine, or leave ${wrong} out.`);
}
