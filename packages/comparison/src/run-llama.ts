import { type GgufFile, isComputed } from '@llama-probe/engine';
import { plainestBuild, type Reference } from '@llama-probe/reference';
import { Clock } from './clock.js';
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
import type { Side } from './side.js';
import { llama, llamaSide } from './sides/llama.js';
import { chooseModel, openLlama } from './sides/open.js';
import type { Watcher } from './watcher.js';

/**
 * `probe compare --candidate llama`, and of a model that the engine does not compute: llama.cpp from libraries of the user's, on another device, or with bugs in it, and llama.cpp on this machine's CPU, on the same
 * tokens. Without any of these it is another CPU build of the same release, which says of a model whether llama.cpp agrees with itself. Both run the file as it is unless something else is asked for: a build has its own kernels for each type of weights.
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
  const clock = new Clock();
  checkLlamaOptions(options);
  const prompt = parsePrompt(options);
  Kept.check(options.out); // before anything is opened
  const isTheSame = options.llamaLib === undefined && options.device === undefined; // but for its build, or the bugs that are put into it
  const asked = options.reference === 'auto' && !isTheSame ? 'native' : options.reference;
  const file = await clock.during('loading', () => chooseModel(options, progress, signal));
  const layers = parseLayers(options.layers, layersOf(file));
  const stages = options.stages === undefined ? everyStage(file) : parseStages(options.stages);
  const exactBy = options.inject !== undefined ? 'whole' : options.exactBy; // a block does not wait for rows
  const way = { exactBy, reference: asked };
  const openReference = () => openLlama(file, way, progress, signal, 1); // the other one computes beside it
  const { reference, chosen } = await clock.during('loading', openReference);
  try {
    const { llamaLib: libraries, device, steps, ubatch, floors, margin, minimum, ruleAt, blame, strict, out } = options;
    progress.say(`loading ${file.path} in the llama.cpp that is the candidate`);
    const { mode } = chosen;
    const cpuVariant = isTheSame && options.inject === undefined ? plainest(reference) : undefined;
    const how = { mode, exactBy, cpuVariant, libraries, device, inject: options.inject, signal, progress };
    const side = await clock.during('loading', () => llama(file.path, how));
    const candidate = cpuVariant === undefined ? side : ofBuild(side, cpuVariant, notComputed(file));
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
      const graph = await clock.during('loading', () => readUnlessLlama(reference, file));
      const right = llamaSide(reference, file, chosen, graph);
      const report = await compare(candidate, right, ask, { progress, watcher, signal, clock });
      return { ...report, timings: { open: opened - begin, ...report.timings, ...clock.timings() } };
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

/** @throws UsageError where this machine runs one kind of CPU build only */
function plainest({ info: { cpuVariant, cpuVariants } }: Reference): string {
  const build = plainestBuild(cpuVariant, cpuVariants);
  if (build !== undefined) return build;
  throw new UsageError(
    `--candidate llama is another CPU build of llama.cpp, and this machine runs ${cpuVariant} only; give the folder of another one's libraries with --llama-lib, or --device.`,
  );
}

const notComputed = ({ metadata }: GgufFile): string => {
  const architecture = metadata['general.architecture'];
  return isComputed(architecture) ? '' : `llama-probe's engine does not compute ${architecture}; `;
};

/** llama.cpp by another of its builds, which says nothing of anybody else's engine. */
const ofBuild = (side: Side, build: string, whyNotOurs: string): Side => ({
  ...side,
  about: { ...side.about, name: `llama.cpp's ${build} build`, adapter: 'the libraries of llama-probe' },
  doesNotShow: [
    {
      what: 'any engine but llama.cpp',
      why: `${whyNotOurs}both sides are llama.cpp; the candidate is its ${build} build`,
      remedy: 'hold yours to a capture of llama.cpp with probe diff, or give --engine',
    },
  ],
});

/** @throws UsageError for what only another candidate takes */
export function checkLlamaOptions({ candidate, engine, adapter, stream, map, engineTimeout }: CandidateOptions): void {
  if (candidate === 'webgpu') {
    const what = '--candidate webgpu is the engine of llama-probe, and --llama-lib and --device are for llama.cpp';
    throw new UsageError(`${what}; leave them out, or give --candidate llama.`);
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
