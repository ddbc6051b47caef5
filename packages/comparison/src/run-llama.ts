import { compare } from './compare.js';
import { firstGiven, UsageError } from './errors.js';
import { Kept } from './kept.js';
import { everyStage, layersOf } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import type { CandidateOptions, CompareOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt } from './prompt.js';
import type { Report } from './report.js';
import { parseLayers, parseStages } from './selection.js';
import { llama, llamaSide } from './sides/llama.js';
import { chooseModel, openLlama } from './sides/open.js';
import type { Watcher } from './watcher.js';

/**
 * `probe compare --candidate llama`: llama.cpp from libraries of the user's, on another device, or with bugs in it, and llama.cpp on this machine's CPU, on the same
 * tokens. Both run the file as it is unless something else is asked for: a build has its own kernels for each type of weights.
 *
 * @throws UsageError for options of another candidate, UnsupportedLibraryError for libraries of another release
 */
export async function runLlama(
  options: CompareOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
): Promise<Report> {
  const begin = performance.now();
  checkLlamaOptions(options);
  const prompt = parsePrompt(options);
  Kept.check(options.out); // before anything is opened
  const isTheSame = options.llamaLib === undefined && options.device === undefined; // but for the bugs that are put into it
  const asked = options.reference === 'auto' && !isTheSame ? 'native' : options.reference;
  const file = await chooseModel(options, progress, signal);
  const layers = parseLayers(options.layers, layersOf(file));
  const stages = options.stages === undefined ? everyStage(file) : parseStages(options.stages);
  const exactBy = options.inject !== undefined ? 'whole' : options.exactBy; // a block does not wait for rows
  const way = { exactBy, reference: asked };
  const { reference, chosen } = await openLlama(file, way, progress, signal, 1); // the other one computes beside it
  try {
    const { llamaLib: libraries, device, steps, ubatch, floors, margin, minimum, ruleAt, blame, strict, out } = options;
    progress.say(`loading ${file.path} in the llama.cpp that is the candidate`);
    const opening = { mode: chosen.mode, exactBy, libraries, device, inject: options.inject, signal, progress };
    const candidate = await llama(file.path, opening);
    try {
      const opened = performance.now();
      const ask = {
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
        strict,
        precision: precisionOfDevice(options, reference.info.model.quantization),
        keep: out,
        model: file,
      };
      const side = llamaSide(reference, file, chosen, await readUnlessLlama(reference, file));
      const report = await compare(candidate, side, ask, { progress, watcher, signal });
      return { ...report, timings: { open: opened - begin, ...report.timings, total: performance.now() - begin } };
    } finally {
      await candidate.close();
    }
  } finally {
    await reference.close();
  }
}

/**
 * What the candidate is held to: backends of devices multiply and add in 16 bits where weights are not quantised, as ggml's Vulkan does with F16
 * and F32 ones. A build for the CPU does not.
 */
export const precisionOfDevice = (
  { precision = 'auto', device }: Pick<CompareOptions, 'precision' | 'device'>,
  quantization: string | undefined,
) => (precision === 'auto' && device !== undefined && /^B?F(16|32)$/.test(quantization ?? '') ? 'bf16' : precision);

/** @throws UsageError for what only another candidate takes, or where it is not said which llama.cpp */
export function checkLlamaOptions({
  candidate,
  llamaLib,
  device,
  engine,
  adapter,
  stream,
  inject,
  map,
  engineTimeout,
}: CandidateOptions): void {
  if (candidate === 'webgpu') {
    const what = '--candidate webgpu is the engine of llama-probe, and --llama-lib and --device are for llama.cpp';
    throw new UsageError(`${what}; leave them out, or give --candidate llama.`);
  }
  if (llamaLib === undefined && device === undefined && inject === undefined) {
    throw new UsageError(
      '--candidate llama is another build or device of llama.cpp; give the folder of its libraries with --llama-lib, --device, or both.',
    );
  }
  const given = {
    '--engine': engine,
    '--adapter': adapter === 'auto' ? undefined : adapter,
    '--stream': stream,
    '--map': map,
    '--engine-timeout': engineTimeout,
  };
  const wrong = firstGiven(given);
  if (wrong === undefined) return;
  throw new UsageError(
    `${wrong} is not for llama.cpp as the candidate; leave out ${wrong}, or --llama-lib and --device.`,
  );
}
