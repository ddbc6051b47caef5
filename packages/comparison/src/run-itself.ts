import { type GgufFile, openEngine } from '@llama-probe/engine';
import { parseInjections } from './diagnosis/inject-option.js';
import { firstGiven, UsageError } from './errors.js';
import { ROUNDED_RULES, RULES, ruled } from './floors/rules.js';
import { type Ask, heldToItself, type OneWay } from './itself/itself.js';
import { parseChunks } from './itself/parse-chunks.js';
import { programWays } from './itself/program-ways.js';
import type { Itself } from './itself/report.js';
import { sideWays } from './itself/side-ways.js';
import { everyStage, knownByModel, layersOf } from './model.js';
import { openingOf } from './opening.js';
import type { PrecisionChoice, RunOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import { parseLayers, parseStages } from './selection.js';
import type { Side } from './side.js';
import { dump } from './sides/dump.js';
import { llama } from './sides/llama.js';
import { chooseModel } from './sides/open.js';
import { tokenizeAlone } from './sides/tokenize-alone.js';
import { webgpuSide } from './sides/webgpu.js';

export interface ItselfOptions extends Omit<RunOptions, 'out' | 'floors' | 'ubatch'> {
  /** How many tokens are computed at once, in one way each, such as `3,8`. */
  chunks?: string;
  /** What is run: our engine, unless another one is named. */
  from?: 'webgpu' | 'llama';
  /** A program of the user's in its place. */
  engine?: string;
  engineTimeout?: number;
  map?: string;
  inject?: string;
  /** Of llama.cpp: the libraries of another build, or the device that it runs on. */
  llamaLib?: string;
  device?: string;
  precision?: PrecisionChoice;
}

/**
 * `probe itself`: one engine computes the same tokens as one prefill, as a prefill and single steps, and in batches of several sizes; all of that is to be the same
 * but for rounding. @param files runs that are over, in place of those that are made here: the first is what the others are held to
 *
 * @throws UsageError for one file, or options that do not go together
 */
export async function runItself(
  files: readonly string[],
  options: ItselfOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Itself> {
  refuseMixed(files, options);
  if (files.length > 0) return recorded(files, options, progress, signal);
  const chunks = options.chunks === undefined ? undefined : parseChunks(options.chunks);
  const prompt = parsePrompt(options);
  const file = await chooseModel(options, progress, signal);
  const layers = parseLayers(options.layers, layersOf(file));
  if (options.engine !== undefined) {
    const { ids } = await tokenizeAlone(file, prompt, signal);
    const stages = options.stages === undefined ? undefined : parseStages(options.stages);
    const { steps, map, engineTimeout: timeout, engine } = options;
    const told = { model: file.path, ...knownByModel(file), heads: headsOf(file), stages, layers, map, timeout };
    const ways = await programWays(engine, { ...told, prompt: ids, steps, chunks }, progress, signal);
    return heldToItself(ways.runs, { ...ways, ruleOf: ruleOf(options, 'f32', layersOf(file)) });
  }
  const side = await opened(file, options, progress, signal);
  try {
    const { ids } = side.text ? await tokenize(prompt, side.text) : await tokenizeAlone(file, prompt, signal);
    const stages = options.stages === undefined ? everyStage(file) : parseStages(options.stages, side.stages);
    const run = { prompt: ids, steps: options.steps, chunks, stages, layers };
    const ways = await sideWays(side, run, progress, signal);
    const isNative = side.about.mode === 'native' && side.about.model.quantization !== 'F32';
    return await heldToItself(ways.runs, {
      ...ways,
      ruleOf: ruleOf(options, isNative ? 'native' : 'f32', layersOf(file)),
    });
  } finally {
    await side.close();
  }
}

/** How many heads the scores have, by the model; of a model that has another number in each layer nobody says it. */
function headsOf({ metadata }: GgufFile): number | undefined {
  const count = metadata[`${metadata['general.architecture']}.attention.head_count`];
  return typeof count === 'number' ? count : undefined;
}

/** Runs that are over. */
async function recorded(
  files: readonly string[],
  options: ItselfOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Itself> {
  const { tokens, map } = options;
  const sides: Side[] = [];
  try {
    for (const path of files)
      sides.push(
        await dump(
          path,
          openingOf({ ...(tokens === undefined ? {} : { tokens }), ...(map === undefined ? {} : { map }) }),
        ),
      );
    const [base, ...others] = sides as [Side, ...Side[]];
    const ids = base.recorded?.tokens ?? [];
    for (const [i, other] of others.entries()) refuseOtherTokens(files, i + 1, other.recorded?.tokens ?? [], ids);
    async function* runs(): AsyncGenerator<OneWay> {
      for (const [i, side] of sides.entries()) {
        const path = files[i] as string;
        progress.say(`reading ${path}: run ${i + 1} of ${files.length}`);
        const way = { name: path, batches: 'as it is', begins: undefined };
        yield { way, tensors: side.run({ tokens: [], signal }).tensors };
      }
    }
    const heads = sides.map(({ about }) => about.heads.heads).find((count) => count !== undefined);
    const isNative = base.about.mode === 'native';
    const rule = ruleOf(options, isNative ? 'native' : 'f32', base.about.model.layers);
    return await heldToItself(runs(), { about: base.about, tokens: ids, heads, ruleOf: rule });
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

/** Llama.cpp with every stage rounded, in batches of 22, 16, 8, 3 and 1: rows of models of 2 to 5 layers were 0.8 of √layers minimums apart at most. */
const ADDED_UP = 2;

/** Where the values are of 16 bits by their bits, roundings to that are allowed for. @param mode of values of more */
function ruleOf(options: ItselfOptions, mode: 'f32' | 'native', layers = 32): Ask['ruleOf'] {
  return (seen) => {
    const { precision: asked = 'auto' } = options;
    const format = asked === 'auto' ? seen : asked;
    if (format === 'f32') return { precision: mode, rule: ruled(RULES[mode === 'f32' ? 'exact' : 'native'], options) };
    const rule = ROUNDED_RULES[format];
    return {
      precision: format,
      rule: ruled({ ...rule, minimum: ADDED_UP * rule.minimum * Math.sqrt(layers) }, options),
    };
  };
}

async function opened(file: GgufFile, options: ItselfOptions, progress: Progress, signal: AbortSignal): Promise<Side> {
  const { from, llamaLib: libraries, device, reference: mode, exactBy, adapter, inject } = options;
  if (from === 'llama' || libraries !== undefined || device !== undefined)
    return llama(file.path, { mode, exactBy, libraries, device, inject, progress, signal });
  const engine = await openEngine({ model: file.path, adapter, onProgress: progress.say, signal });
  try {
    return webgpuSide(engine, parseInjections(inject, layersOf(file)));
  } catch (error) {
    engine.close();
    throw error;
  }
}

function refuseMixed(files: readonly string[], options: ItselfOptions): void {
  const { engine, from, model, prompt, promptFile, chunks, inject, llamaLib, device } = options;
  const made = {
    '--engine': engine,
    '--from': from,
    '--llama-lib': llamaLib,
    '--device': device,
    '--inject': inject,
    '--model': model,
    '--prompt': prompt,
    '--prompt-file': promptFile,
    '--chunks': chunks,
  };
  const wrong = firstGiven(made);
  if (files.length > 0 && wrong !== undefined)
    throw new UsageError(
      `${wrong} is for runs that are made now, and ${files[0]} is one that is over; leave one of them out.`,
    );
  if (files.length === 1)
    throw new UsageError(
      `${files[0]} is one run; wanted two of the same tokens, such as "probe itself ${files[0]} in-steps.npz": one made as a prefill, one in steps.`,
    );
  const others = firstGiven({ '--from': from, '--llama-lib': llamaLib, '--device': device, '--inject': inject });
  if (engine !== undefined && others !== undefined)
    throw new UsageError(
      `--engine runs a program of yours, and ${others} is for the sides of llama-probe; leave one of them out.`,
    );
  const ofLlama = firstGiven({ '--llama-lib': llamaLib, '--device': device });
  if (from === 'webgpu' && ofLlama !== undefined)
    throw new UsageError(`${ofLlama} is for llama.cpp, and --from webgpu runs the engine; leave one of them out.`);
}

function refuseOtherTokens(
  files: readonly string[],
  at: number,
  ours: readonly number[],
  theirs: readonly number[],
): void {
  const length = Math.max(ours.length, theirs.length);
  for (let i = 0; i < length; i++) {
    if (ours[i] === theirs[i]) continue;
    const [a, b] = [ours[i], theirs[i]].map((id) => (id === undefined ? 'none' : `token ${id}`));
    throw new UsageError(
      `${files[at]} ran ${a} at position ${i}, and ${files[0]} ${b}: they are not the same computation. Wanted runs of the same tokens, all of them.`,
    );
  }
}
