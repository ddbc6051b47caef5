import { type Comparison, compare } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { Engine, GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { Kept } from '../kept.js';
import { LIMITS } from '../limits.js';
import { candidateMetadata, referenceMetadata } from '../metadata.js';
import type { ChosenMode } from '../model.js';
import type { RunOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { parsePrompt, tokenize } from '../prompt.js';
import type { Generated, Report } from '../report/report.js';
import { parseLayers, parseStages, recordOnly } from '../selection.js';
import { chooseModel, openBoth } from '../sides.js';

/** `probe compare`: both sides on the same tokens, compared as they run. */
export async function runCompare(options: RunOptions, progress: Progress, signal: AbortSignal): Promise<Report> {
  const begin = performance.now();
  const prompt = parsePrompt(options);
  const stages = parseStages(options.stages);
  const kept = [new Kept(options.out, 'candidate'), new Kept(options.out, 'reference')] as const;
  try {
    const file = await chooseModel(options, progress, signal);
    const { engine, reference, chosen } = await openBoth(file, options, progress, signal);
    try {
      const opened = performance.now();
      const layers = parseLayers(options.layers, engine.config.blockCount);
      const { ids, text } = await tokenize(prompt, reference);
      const both = { engine, reference, chosen, file };
      const run = await compareSides(both, { ids, text, stages, layers }, options, kept, progress, signal);
      const compared = performance.now();
      const report = await makeReport(both, ids, run, signal);
      const timings = { open: opened - begin, compare: compared - opened, total: performance.now() - begin };
      return { ...report, timings };
    } finally {
      engine.close();
      await reference.close();
    }
  } finally {
    for (const dump of kept) dump.abort();
  }
}

interface Both {
  readonly engine: Engine;
  readonly reference: Reference;
  readonly chosen: ChosenMode;
  readonly file: GgufFile;
}

interface What {
  readonly ids: readonly number[];
  readonly text: string | undefined;
  readonly stages: readonly string[];
  readonly layers: readonly number[] | undefined;
}

interface Compared {
  readonly comparison: Comparison;
  /** Greedy choices of both sides, fed the reference's. */
  readonly chosen: { readonly candidate: readonly number[]; readonly reference: readonly number[] };
  readonly callbackChangesNothing: boolean;
}

async function compareSides(
  { engine, reference, chosen, file }: Both,
  { ids, text, stages, layers }: What,
  options: RunOptions,
  [candidateDump, referenceDump]: readonly [Kept, Kept],
  progress: Progress,
  signal: AbortSignal,
): Promise<Compared> {
  const { steps } = options;
  engine.check({ tokens: ids, steps });

  // Without the callback first: the tokens to feed both sides, and proof that capturing changes nothing.
  progress.say('llama.cpp decodes without a callback');
  const ubatch = Math.min(engine.ubatch(ids.length + steps), ids.length);
  const free = await reference.run({ tokens: ids, steps, ubatch, stages: [] }).result;
  const forcedTokens = free.generated.slice(0, steps);
  const tokens = [...ids, ...forcedTokens];

  const shared = { tokens: ids, steps, forcedTokens, ubatch };
  const llama = reference.run({ ...shared, stages, layers });
  const webgpu = engine.run({ ...shared, hook: recordOnly({ stages, layers }), signal });

  const config = { stages: options.stages ?? 'all', layers: options.layers ?? 'all', steps };
  const about = { tokens, ...(text === undefined ? {} : { prompt: text }), config };
  const watched = watch(webgpu.tensors, progress, engine.config.blockCount);
  const comparison = await compare(
    candidateDump.pass(watched, () => candidateMetadata(engine, about)),
    referenceDump.pass(llama.tensors, () => referenceMetadata(reference, file, chosen, about)),
    { limit: LIMITS[chosen.mode], tokens: { candidate: tokens, reference: tokens }, heads: engine.config.headCount },
  );
  const captured = await llama.result;
  return {
    comparison,
    chosen: { candidate: (await webgpu.result).generated, reference: free.generated },
    callbackChangesNothing: captured.generated.join() === free.generated.join(),
  };
}

async function makeReport(
  { engine, reference, chosen, file }: Both,
  ids: readonly number[],
  { comparison, chosen: generated, callbackChangesNothing }: Compared,
  signal: AbortSignal,
): Promise<Omit<Report, 'timings'>> {
  const { info } = reference;
  const { architecture: arch, quantization, layers } = info.model;
  const spell = speller(file, reference, ids.at(-1) as number);
  const said = async (tokens: readonly number[]): Promise<Generated> => ({ tokens, text: await spell(tokens) });
  const top = comparison.logits?.topK;
  return {
    schema: 1,
    verdict: comparison.verdict,
    reason: comparison.reason,
    model: { file: file.path, arch, quantization, layers, bytes: file.bytes },
    tokens: ids,
    reference: {
      name: info.name,
      version: info.version,
      mode: chosen.mode,
      why: chosen.why,
      cpuVariant: info.cpuVariant,
      callbackChangesNothing,
    },
    candidate: {
      name: 'llama-probe',
      backend: `WebGPU, ${engine.adapter.backend}`,
      adapter: engine.adapter.name,
    },
    first: comparison.first,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    generated: {
      candidate: await said(await ownTokens(engine, ids, generated, signal)),
      reference: await said(generated.reference),
    },
    top: top
      ? {
          candidate: await Promise.all(top.candidate.map(({ id }) => spell([id]))),
          reference: await Promise.all(top.reference.map(({ id }) => spell([id]))),
        }
      : null,
    memory: engine.memory,
  };
}

/** What the candidate says when it is fed its own choices: the same as long as they are the reference's. */
async function ownTokens(
  engine: Engine,
  tokens: readonly number[],
  { candidate, reference }: Compared['chosen'],
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (candidate.join() === reference.join()) return candidate;
  const run = engine.run({ tokens, steps: reference.length - 1, signal });
  for await (const _ of run.tensors);
  return (await run.result).generated;
}

/**
 * Ids → text as it goes on after the prompt's last token, or null where the file has no vocabulary. By themselves, ids
 * would lose the space that llama.cpp strips from the beginning of a text.
 */
function speller(
  file: GgufFile,
  reference: Reference,
  last: number,
): (ids: readonly number[]) => Promise<string | null> {
  if (file.metadata['tokenizer.ggml.model'] === 'no_vocab') return async () => null;
  return async (ids) => {
    const before = await reference.detokenize([last]);
    const text = await reference.detokenize([last, ...ids]);
    return text.startsWith(before) ? text.slice(before.length) : reference.detokenize(ids);
  };
}

async function* watch(tensors: AsyncIterable<Tensor>, progress: Progress, layers: number): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    if (tensor.layer !== null) progress.say(`comparing step ${tensor.step}, layer ${tensor.layer + 1} of ${layers}`);
    yield tensor;
  }
}
