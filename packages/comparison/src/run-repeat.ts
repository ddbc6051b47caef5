import { join } from 'node:path';
import {
  DigestWriter,
  type DumpMetadata,
  digestOf,
  type RecordedRun,
  type RowDigests,
  type Tensor,
} from '@llama-probe/dump';
import { type GgufFile, openEngine } from '@llama-probe/engine';
import { openRun } from '@llama-probe/import';
import { firstGiven, UsageError } from './errors.js';
import { everyStage, knownByModel, layersOf } from './model.js';
import { readUnlessLlama } from './model-graph.js';
import { openingOf } from './opening.js';
import type { RunOptions } from './options.js';
import { type Progress, within } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import { type OneRun, repeated } from './repeat/repeat.js';
import type { Repeated } from './repeat/report.js';
import { parseLayers, parseStages } from './selection.js';
import type { RunPlan, Side } from './side.js';
import { dumpSide, promptLength } from './sides/dump.js';
import { llamaSide } from './sides/llama.js';
import { chooseModel, openLlama, orClose } from './sides/open.js';
import { only, programRun } from './sides/program.js';
import { tokenizeAlone } from './sides/tokenize-alone.js';
import { webgpuSide } from './sides/webgpu.js';

export interface RepeatOptions extends Omit<RunOptions, 'out' | 'floors' | 'margin' | 'minimum'> {
  /** How often it is run. */
  times: number;
  /** What is run: our engine, unless another one is named. */
  from?: 'webgpu' | 'llama';
  /** A program of the user's in its place. */
  engine?: string;
  engineTimeout?: number;
  map?: string;
  /** A directory to keep the digests of each run in. */
  out?: string;
}

/**
 * `probe repeat`: the same run several times, bit by bit. @param files runs that are over, in place of those that are made here
 *
 * @throws UsageError for too few of them, or runs of other tokens
 */
export async function runRepeat(
  files: readonly string[],
  options: RepeatOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Repeated> {
  if (files.length > 0) {
    const { engine, from, model, prompt, promptFile, out } = options;
    const given = {
      '--engine': engine,
      '--from': from,
      '--model': model,
      '--prompt': prompt,
      '--prompt-file': promptFile,
      '--out': out,
    };
    const wrong = firstGiven(given);
    if (wrong !== undefined)
      throw new UsageError(
        `${wrong} is for runs that are made now, and ${files[0]} is one that is over; leave one of them out.`,
      );
    if (files.length < 2)
      throw new UsageError(
        `${files[0]} is one run; wanted at least two, such as "probe repeat ${files[0]} again.npz".`,
      );
    return repeated(recorded(files, options, progress, signal));
  }
  if (options.times < 2) throw new UsageError('--times 1 has nothing to be compared with; wanted 2 or more.');
  if (options.engine !== undefined && options.from !== undefined)
    throw new UsageError(
      '--engine runs a program of yours, and --from one of the sides of llama-probe; leave one of them out.',
    );
  if (options.out !== undefined) new DigestWriter(keptAs(options.out, 1, options), undefined).abort(); // it can be written
  const prompt = parsePrompt(options);
  const file = await chooseModel(options, progress, signal);
  const run = { layers: parseLayers(options.layers, layersOf(file)), steps: options.steps };
  if (options.engine !== undefined) {
    const { ids } = await tokenizeAlone(file, prompt, signal);
    return repeated(programs(options.engine, file, { ...run, tokens: ids }, options, progress, signal));
  }
  const side = await (options.from === 'llama' ? llamaOf : webgpuOf)(file, options, progress, signal);
  try {
    const { ids } = side.text ? await tokenize(prompt, side.text) : await tokenizeAlone(file, prompt, signal);
    const every = everyStage(file);
    const stages = options.stages === undefined ? every : parseStages(options.stages, side.stages);
    const ubatch = options.ubatch === undefined ? {} : { ubatch: options.ubatch };
    return await repeated(again(side, { ...run, ...ubatch, tokens: ids, stages }, options, progress, signal));
  } finally {
    await side.close();
  }
}

/** Runs that are over, one after the other. */
async function* recorded(
  files: readonly string[],
  options: RepeatOptions,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<OneRun> {
  const { tokens, map } = options;
  const opening = openingOf({ ...(tokens === undefined ? {} : { tokens }), ...(map === undefined ? {} : { map }) });
  for (const [i, path] of files.entries()) {
    progress.say(`reading ${path}: run ${i + 1} of ${files.length}`);
    const run = await openRun(path, { ...opening, digests: true });
    try {
      const { metadata } = run;
      const heads = metadata.digest ? metadata.digest.heads : metadata.shapes?.kq?.[0];
      yield {
        about: dumpSide(run).about,
        ...kindOf(run),
        called: path,
        tokens: metadata.tokens,
        prompt: await promptLength(run),
        heads,
        rows: run.digests?.() ?? hashed(dumpSide(run).run({ tokens: [], signal }).tensors, heads),
      };
    } finally {
      await run.close();
    }
  }
}

/** What ran what, as far as a run says it. */
function kindOf({ metadata: { producer, model } }: RecordedRun): Pick<OneRun, 'kind'> {
  const { name, version, backend, adapter } = producer;
  const hash = model?.hash === undefined ? '' : ` (${model.hash.slice(0, 15)}…)`;
  const known = [
    version && `${name} ${version}`, // without a version it is called as its file
    backend,
    adapter,
    hash && `${model?.file}${hash}`,
  ].filter(Boolean);
  return known.length > 0 ? { kind: known.join(', ') } : {};
}

async function* hashed(tensors: AsyncIterable<Tensor>, heads: number | undefined): AsyncGenerator<RowDigests> {
  for await (const tensor of tensors) yield digestOf(tensor, heads);
}

/** Where the digests of a run are kept: in the order of the runs, also by name. */
const keptAs = (directory: string, run: number, { times }: RepeatOptions): string =>
  join(directory, `run-${String(run).padStart(String(times).length, '0')}.arrow`);

/** The rows of a run that was made, kept as a file where a directory is given. */
async function* kept(
  rows: AsyncIterable<RowDigests>,
  run: number,
  heads: number | undefined,
  options: RepeatOptions,
  metadata: () => Promise<DumpMetadata>,
): AsyncGenerator<RowDigests> {
  if (options.out === undefined) return yield* rows;
  const writer = new DigestWriter(keptAs(options.out, run, options), heads);
  try {
    for await (const one of rows) {
      writer.add(one);
      yield one;
    }
    writer.close(await metadata());
  } finally {
    writer.abort();
  }
}

/** A program, started again and again. */
async function* programs(
  command: string,
  file: GgufFile,
  { tokens, steps, layers }: Pick<RunPlan, 'tokens' | 'steps' | 'layers'>,
  options: RepeatOptions,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<OneRun> {
  const stages = options.stages === undefined ? undefined : parseStages(options.stages);
  const { times, map, engineTimeout: timeout } = options;
  for (let i = 1; i <= times; i++) {
    const told = { model: file.path, tokens, steps, stages, layers, map, timeout, ...knownByModel(file) };
    const watched = { progress: within(progress, `run ${i} of ${times}`), signal };
    const run = await programRun(command, { ...told, ...watched, digests: true });
    try {
      yield programsRun(run, i, { tokens, stages, layers, signal }, options);
    } finally {
      await run.close();
    }
  }
}

/** What a program has left: values, or hashes that it made itself. */
function programsRun(run: RecordedRun, i: number, plan: RunPlan, options: RepeatOptions): OneRun {
  const { tokens, digest } = run.metadata;
  const about = { tokens, prompt: plan.tokens.length };
  const side = dumpSide(run);
  if (!run.digests) return oneRun(side, i, about, only(side.run(plan).tensors, plan), options);
  const heads = digest?.heads;
  const rows = kept(only(run.digests(), plan), i, heads, options, async () => run.metadata);
  return { about: side.about, called: `run ${i}`, ...about, heads, rows };
}

/** A side of ours, each time on the tokens that its first run has decoded. */
async function* again(
  side: Side,
  run: RunPlan,
  options: RepeatOptions,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<OneRun> {
  const { tokens, steps = 0 } = run;
  const free = side.run({ ...run, stages: [], signal });
  for await (const _ of free.tensors); // none: it is run for what it decodes
  const forcedTokens = (await free.result).generated.slice(0, steps);
  for (let i = 1; i <= options.times; i++) {
    progress.say(`run ${i} of ${options.times}`);
    const { tensors } = side.run({ ...run, forcedTokens, signal });
    yield oneRun(side, i, { tokens: [...tokens, ...forcedTokens], prompt: tokens.length }, tensors, options);
  }
}

/** One of the runs that are made. */
function oneRun(
  side: Side,
  run: number,
  about: Pick<OneRun, 'tokens' | 'prompt'>,
  tensors: AsyncIterable<Tensor>,
  options: RepeatOptions,
): OneRun {
  const { heads } = side.about.heads;
  const describe = () => side.describe({ tokens: [...about.tokens] });
  return {
    about: side.about,
    called: `run ${run}`,
    ...about,
    heads,
    rows: kept(hashed(tensors, heads), run, heads, options, describe),
  };
}

async function webgpuOf(
  file: GgufFile,
  { adapter }: RepeatOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Side> {
  return webgpuSide(await openEngine({ model: file.path, adapter, onProgress: progress.say, signal }));
}

async function llamaOf(file: GgufFile, options: RepeatOptions, progress: Progress, signal: AbortSignal): Promise<Side> {
  const { reference, chosen } = await openLlama(file, options, progress, signal);
  return llamaSide(reference, file, chosen, await orClose(reference, readUnlessLlama(reference, file)));
}
