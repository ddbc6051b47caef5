import { join } from 'node:path';
import { compare } from '@llama-probe/diff';
import { type DumpMetadata, DumpWriter, type Tensor } from '@llama-probe/dump';
import type { Engine, GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { LIMITS } from '../limits.js';
import { candidateMetadata, referenceMetadata } from '../metadata.js';
import type { RunOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { parsePrompt, tokenize } from '../prompt.js';
import type { Report } from '../report/report.js';
import { parseLayers, parseStages, recordOnly } from '../selection.js';
import { chooseModel, openBoth } from '../sides.js';

/** `probe compare`: both sides on the same tokens, compared as they run. */
export async function runCompare(options: RunOptions, progress: Progress, signal: AbortSignal): Promise<Report> {
  const begin = performance.now();
  const prompt = parsePrompt(options);
  const stages = parseStages(options.stages);
  const file = await chooseModel(options, progress, signal);
  const { engine, reference, chosen } = await openBoth(file, options, progress, signal);
  try {
    const opened = performance.now();
    const layers = parseLayers(options.layers, engine.config.blockCount);
    const { ids, text } = await tokenize(prompt, reference);
    engine.check({ tokens: ids, steps: options.steps });

    // Without the callback first: the tokens to feed both sides, and proof that capturing changes nothing.
    progress.say('llama.cpp decodes without a callback');
    const free = await reference.run({ tokens: ids, steps: options.steps, stages: [] }).result;
    const fed = free.generated.slice(0, options.steps);
    const tokens = [...ids, ...fed];

    const capacity = ids.length + options.steps;
    const ubatch = Math.min(engine.ubatch(capacity), ids.length);
    const llama = reference.run({ tokens: ids, steps: options.steps, forcedTokens: fed, stages, layers, ubatch });
    const webgpu = engine.run({
      tokens: ids,
      steps: options.steps,
      forcedTokens: fed,
      hook: recordOnly({ stages, layers }),
      ubatch,
      signal,
    });
    const config = {
      reference: chosen.mode,
      stages: options.stages ?? 'all',
      layers: options.layers ?? 'all',
      steps: options.steps,
    };
    const shared = { tokens, ...(text === undefined ? {} : { prompt: text }), config };
    const limit = LIMITS[chosen.mode];
    const comparison = await compare(
      kept(
        options.out,
        'candidate',
        webgpu.tensors,
        candidateMetadata(engine, shared),
        watch(progress, engine.config.blockCount),
      ),
      kept(options.out, 'reference', llama.tensors, referenceMetadata(reference, file, shared)),
      { limit, tokens: { candidate: tokens, reference: tokens } },
    );
    const compared = performance.now();

    const captured = await llama.result;
    const spell = speller(file, reference);
    const own = await ownText(engine, ids, options.steps, (await webgpu.result).generated, free.generated, signal);
    return {
      schema: 1,
      verdict: comparison.verdict,
      reason: comparison.reason,
      model: {
        file: file.path,
        arch: reference.info.model.architecture,
        quantization: reference.info.model.quantization,
        layers: reference.info.model.layers,
        bytes: file.bytes,
      },
      tokens: ids,
      reference: {
        name: reference.info.name,
        version: reference.info.version,
        mode: chosen.mode,
        why: chosen.why,
        cpuVariant: reference.info.cpuVariant,
        callbackChangesNothing: captured.generated.join() === free.generated.join(),
      },
      candidate: { name: 'llama-probe', backend: `WebGPU, ${engine.adapter.backend}`, adapter: engine.adapter.name },
      first: comparison.first,
      stages: comparison.stages,
      logits: comparison.logits,
      generated: {
        candidate: { tokens: own, text: await spell(own) },
        reference: { tokens: free.generated, text: await spell(free.generated) },
      },
      top: comparison.logits && {
        candidate: await Promise.all(comparison.logits.topK.candidate.map(({ id }) => spell([id]))),
        reference: await Promise.all(comparison.logits.topK.reference.map(({ id }) => spell([id]))),
      },
      timings: {
        open: opened - begin,
        reference: captured.milliseconds,
        compare: compared - opened,
        total: performance.now() - begin,
      },
      memory: engine.memory,
    };
  } finally {
    engine.close();
    await reference.close();
  }
}

/** Ids → text, or null where the file has no vocabulary. */
function speller(file: GgufFile, reference: Reference): (ids: readonly number[]) => Promise<string | null> {
  if (file.metadata['tokenizer.ggml.model'] === 'no_vocab') return async () => null;
  return (ids) => reference.detokenize(ids);
}

/** What the candidate says when it is fed its own choices: the same as long as they are the reference's. */
async function ownText(
  engine: Engine,
  tokens: readonly number[],
  steps: number,
  forced: readonly number[],
  reference: readonly number[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (forced.join() === reference.join()) return forced;
  const run = engine.run({ tokens, steps, signal });
  for await (const _ of run.tensors);
  return (await run.result).generated;
}

/** Passes the tensors on, and keeps them as a dump where a directory is given. The dump exists only when it is whole. */
async function* kept(
  directory: string | undefined,
  name: string,
  tensors: AsyncIterable<Tensor>,
  metadata: DumpMetadata,
  onTensor?: (tensor: Tensor) => void,
): AsyncGenerator<Tensor> {
  const writer = directory === undefined ? undefined : new DumpWriter(join(directory, `${name}.arrow`));
  try {
    for await (const tensor of tensors) {
      onTensor?.(tensor);
      writer?.write(tensor);
      yield tensor;
    }
    writer?.close(metadata);
  } finally {
    writer?.abort();
  }
}

function watch(progress: Progress, layers: number): (tensor: Tensor) => void {
  return ({ step, layer }) => {
    const where = step === 0 ? 'the prompt' : `step ${step}`;
    progress.say(`comparing ${where}: ${layer === null ? 'embedding and logits' : `layer ${layer + 1} of ${layers}`}`);
  };
}
