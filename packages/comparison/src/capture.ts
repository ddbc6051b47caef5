import { type DumpMetadata, isStageName, STAGE_NAMES, type Tensor } from '@llama-probe/dump';
import { openEngine } from '@llama-probe/engine';
import { arraysFormat, checkDigestPath, digestWriter, type RunWriter, runWriter } from '@llama-probe/import';
import { parseInjections } from './diagnosis/inject-option.js';
import { UsageError } from './errors.js';
import { describeFloors, judgedRun } from './floors/judged.js';
import { everyStage, layersOf } from './model.js';
import { readGraph } from './model-graph.js';
import type { RunOptions } from './options.js';
import type { Progress } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import { parseLayers, parseStages } from './selection.js';
import { allTokens, type RunPlan, type Side } from './side.js';
import { llamaSide } from './sides/llama.js';
import { chooseModel, openLlama, orClose } from './sides/open.js';
import { tokenizeAlone } from './sides/tokenize-alone.js';
import { webgpuSide } from './sides/webgpu.js';
import { withBugs } from './sides/with-bugs.js';

export interface CaptureOptions extends RunOptions {
  from: 'llama' | 'webgpu';
  out: string;
  /** Bugs of the catalogue to put into the run. */
  inject?: string;
  /** A hash of each row in place of its values. */
  digest?: boolean;
}

/** What a capture wrote. */
export interface Captured {
  readonly schema: 1;
  readonly file: string;
  readonly bytes: number;
  readonly tensors: number;
  readonly tokens: readonly number[];
}

/** `probe capture`: one side into a dump. llama.cpp's side takes any architecture that it loads. */
export async function runCapture(options: CaptureOptions, progress: Progress, signal: AbortSignal): Promise<Captured> {
  const prompt = parsePrompt(options);
  if (options.digest) checkDigestPath(options.out);
  if (arraysFormat(options.out) && options.steps > 0) {
    throw new UsageError(
      `--out ${options.out}: such a file has one pass over the prompt, and ${options.steps} tokens are to be decoded. Add --steps 0, or write an .arrow file.`,
    );
  }
  const file = await chooseModel(options, progress, signal);
  const asked = options.stages ?? everyStage(file);
  const { steps } = options;
  const ubatch = options.ubatch === undefined ? {} : { ubatch: options.ubatch };
  const layers = parseLayers(options.layers, layersOf(file));
  const config = {
    stages: asked,
    layers: options.layers ?? 'all',
    steps,
  };

  if (options.from === 'llama') {
    const injections = parseInjections(options.inject, layersOf(file));
    const isSick = injections.length > 0;
    const way = isSick ? { ...options, exactBy: 'whole' as const } : options; // a block does not wait for rows
    const { reference, chosen } = await openLlama(file, way, progress, signal);
    const graph = await orClose(reference, readGraph(reference));
    const side = withBugs(llamaSide(reference, file, chosen, graph), injections);
    try {
      const { ids, text } = await tokenize(prompt, side.text);
      // Decoded first, so that what measures the floor can be fed the same tokens.
      const free = steps === 0 ? [] : await decoded(side, { tokens: ids, steps, ...ubatch });
      const stages =
        asked === 'all' || asked === 'vocabulary' ? asked : parseStages(asked, await stagesOf(side, asked, ids));
      const run: RunPlan = { tokens: ids, steps, forcedTokens: free.slice(0, steps), ...ubatch, stages, layers };
      const describe = () =>
        side.describe({ tokens: [...allTokens(run)], ...(text === undefined ? {} : { prompt: text }), config });
      // Nothing is judged by hashes, nor by a run with bugs: what a delta may be need not be measured.
      if (options.digest || isSick)
        return await write(writerOf(side, options), side.run({ ...run, signal }).tensors, progress, describe);
      const judged = await judgedRun(side, run, options, progress.say, signal);
      return await write(writerOf(side, options), judged.tensors, progress, async () => ({
        ...(await describe()),
        floors: describeFloors(judged),
      }));
    } finally {
      await side.close();
    }
  }

  if (options.stages === 'all')
    throw new UsageError('--stages all is what llama.cpp can capture; the engine has the named stages only.');
  const engine = await openEngine({
    model: file.path,
    adapter: options.adapter,
    stream: options.stream,
    onProgress: progress.say,
    signal,
  });
  const side = webgpuSide(engine, parseInjections(options.inject, engine.config.blockCount));
  try {
    const stages = parseStages(options.stages, engine.graph.names);
    const { ids, text } = await tokenizeAlone(file, prompt, signal);
    const run = side.run({ tokens: ids, steps, ...ubatch, stages, layers, signal });
    return await write(writerOf(side, options), run.tensors, progress, async () => {
      const tokens = [...ids, ...(await run.result).generated.slice(0, steps)];
      return side.describe({ tokens, ...(text === undefined ? {} : { prompt: text }), config });
    });
  } finally {
    await side.close();
  }
}

/** What it chooses after the prompt, while nobody watches. */
async function decoded(side: Side, run: RunPlan): Promise<readonly number[]> {
  const { tensors, result } = side.run({ ...run, stages: [] });
  for await (const _ of tensors);
  return (await result).generated;
}

/** The stages that llama.cpp has of this model: the vocabulary, and where that does not have all that is asked for, whatever its graph names. */
async function stagesOf(side: Side, asked: string, ids: readonly number[]): Promise<readonly string[]> {
  if (asked.split(',').every((name) => isStageName(name.trim()))) return STAGE_NAMES;
  const names = new Set<string>();
  for await (const { stage } of side.run({ tokens: ids.slice(0, 1), steps: 0, stages: 'all' }).tensors)
    names.add(stage);
  return [...names];
}

const writerOf = ({ about }: Side, { out, digest }: CaptureOptions): RunWriter =>
  digest ? digestWriter(out, about.heads.heads) : runWriter(out);

async function write(
  writer: RunWriter,
  tensors: AsyncIterable<Tensor>,
  progress: Progress,
  metadata: () => Promise<DumpMetadata>,
): Promise<Captured> {
  let count = 0;
  try {
    for await (const tensor of tensors) {
      writer.write(tensor);
      count++;
      progress.say(`capturing: ${count} tensors`);
    }
    const about = await metadata();
    await writer.close(about);
    return { schema: 1, file: writer.path, bytes: writer.bytes, tensors: count, tokens: about.tokens };
  } finally {
    writer.abort();
  }
}
