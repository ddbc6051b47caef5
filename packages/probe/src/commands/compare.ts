import { createHash } from 'node:crypto';
import {
  type Comparison,
  compare,
  compareCaches,
  type Explained,
  explain,
  type Heads,
  type Invariants,
  unseen,
} from '@llama-probe/diff';
import type { DumpMetadata, Tensor } from '@llama-probe/dump';
import type { Engine, GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { type Checks, checkFirstAttention, merge, sideInvariants } from '../checks.js';
import { type Judged, withFloors } from '../floors.js';
import { Kept } from '../kept.js';
import { candidateMetadata, referenceMetadata } from '../metadata.js';
import type { ChosenMode } from '../model.js';
import type { RunOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { parsePrompt, tokenize } from '../prompt.js';
import { describeDecode } from '../report/decode.js';
import type { Generated, Report } from '../report/report.js';
import { parseLayers, parseStages, recordOnly } from '../selection.js';
import { chooseModel, openBoth } from '../sides.js';
import { Teacher } from '../teacher.js';

export interface CompareOptions extends RunOptions {
  /** A second run, from the reference's inputs: always, never, or, where undefined, if the free run diverged. */
  teacherForced?: boolean;
}

/** `probe compare`: both sides on the same tokens, compared as they run. */
export async function runCompare(options: CompareOptions, progress: Progress, signal: AbortSignal): Promise<Report> {
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
      const both: Both = { engine, reference, chosen, file, options, progress, signal };
      const plan = await makePlan(both, ids);
      const about: About = { text, stages, layers };
      const free = await freeRun(both, plan, about, kept);
      const compared = performance.now();
      const explained = await teacherForced(both, plan, free);
      const forced = performance.now();
      const report = await makeReport(both, plan, free, explained, await checks(both, plan, free, explained));
      const end = performance.now();
      const timings = {
        open: opened - begin,
        compare: compared - opened,
        ...(explained ? { teacherForced: forced - compared } : {}),
        total: end - begin,
      };
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
  readonly options: CompareOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What both sides are fed. */
interface Plan {
  readonly tokens: readonly number[];
  readonly steps: number;
  readonly forcedTokens: readonly number[];
  readonly ubatch: number;
  /** Prompt, then decoded. */
  readonly all: readonly number[];
  /** What llama.cpp chose and computed while nobody watched. */
  readonly unwatched: { readonly generated: readonly number[]; readonly logits: readonly string[] };
}

interface About {
  readonly text: string | undefined;
  readonly stages: readonly string[];
  readonly layers: readonly number[] | undefined;
}

interface FreeRun {
  readonly comparison: Comparison;
  readonly judged: Judged;
  readonly invariants: { readonly candidate: Invariants; readonly reference: Invariants };
  /** The engine's greedy choices, fed the reference's. */
  readonly generated: readonly number[];
  readonly callbackChangesNothing: boolean;
}

/** Without the callback first: the tokens to feed both sides, and what the watched run is held to. */
async function makePlan({ engine, reference, options, progress }: Both, tokens: readonly number[]): Promise<Plan> {
  const { steps } = options;
  engine.check({ tokens, steps });
  progress.say('llama.cpp decodes without a callback');
  const most = Math.min(engine.ubatch(tokens.length + steps), options.ubatch ?? Number.POSITIVE_INFINITY);
  const ubatch = Math.min(most, tokens.length);
  const run = reference.run({ tokens, steps, ubatch, stages: [], logits: true });
  const logits: string[] = [];
  for await (const tensor of run.tensors) logits.push(digest(tensor));
  const { generated } = await run.result;
  const forcedTokens = generated.slice(0, steps);
  return { tokens, steps, forcedTokens, ubatch, all: [...tokens, ...forcedTokens], unwatched: { generated, logits } };
}

/** Where do the two sides first differ? */
async function freeRun(
  { engine, reference, chosen, file, options, progress, signal }: Both,
  plan: Plan,
  { text, stages, layers }: About,
  [candidateDump, referenceDump]: readonly [Kept, Kept],
): Promise<FreeRun> {
  const { unwatched, all, ...shared } = plan;
  const judged = await withFloors(reference, file, { ...shared, stages, layers }, options, progress, signal);
  const webgpu = engine.run({ ...shared, hook: recordOnly({ stages, layers }), signal });

  const config = { stages: options.stages ?? 'all', layers: options.layers ?? 'all', steps: plan.steps };
  const about: Pick<DumpMetadata, 'tokens' | 'prompt' | 'config'> = {
    tokens: [...all],
    ...(text === undefined ? {} : { prompt: text }),
    config,
  };
  const watched: string[] = [];
  const { architecture } = reference.info.model;
  const invariants = {
    candidate: sideInvariants(architecture, heads(engine)),
    reference: sideInvariants(architecture, heads(engine)),
  };
  const ours = invariants.candidate.pass(say(webgpu.tensors, 'comparing', engine, progress));
  const theirs = invariants.reference.pass(lastLogits(judged.tensors, plan.tokens.length, watched));
  const comparison = await compare(
    candidateDump.pass(ours, () => candidateMetadata(engine, about)),
    referenceDump.pass(theirs, () => referenceMetadata(reference, file, chosen, about, judged)),
    { ...judged, tokens: { candidate: all, reference: all }, ...heads(engine) },
  );
  const isWatched = stages.includes('result_output');
  return {
    comparison,
    judged,
    invariants,
    generated: (await webgpu.result).generated,
    callbackChangesNothing: !isWatched || watched.join() === unwatched.logits.join(),
  };
}

/** Which stages are wrong by themselves? Every stage starts from the reference's inputs, whatever was selected before. */
async function teacherForced(both: Both, plan: Plan, { comparison, judged }: FreeRun): Promise<Explained | undefined> {
  const { engine, reference, options, progress, signal } = both;
  if (!(options.teacherForced ?? comparison.verdict === 'diverged')) return undefined;
  progress.say("running again from llama.cpp's inputs");
  const { unwatched: _, all, ...shared } = plan;
  const teacher = new Teacher(reference.run(shared).tensors);
  const webgpu = engine.run({ ...shared, hook: teacher.hook, signal });
  const forced = await compare(say(webgpu.tensors, "from llama.cpp's inputs:", engine, progress), teacher.tensors(), {
    ...judged,
    tokens: { candidate: all, reference: all },
    ...heads(engine),
    locate: 'each',
  });
  return explain(comparison, forced);
}

/** What each side must keep by itself; where something is wrong, what needs a further run or the weights too. */
async function checks(
  { engine, reference, file, progress, signal }: Both,
  { all, tokens, steps, forcedTokens, ubatch }: Plan,
  { invariants }: FreeRun,
  explained: Explained | undefined,
): Promise<Checks> {
  const result = { candidate: invariants.candidate.result(), reference: invariants.reference.result() };
  if (!explained) return result;
  progress.say('checking what must hold of each side by itself');
  const stages = ['k_rope', 'v_proj'];
  const once = { tokens: all, steps: 0 };
  const stepwise = { tokens, steps, forcedTokens, ubatch };
  const hook = recordOnly({ stages, layers: undefined });
  const caches = {
    candidate: [stepwise, once].map((run) => engine.run({ ...run, hook, signal }).tensors),
    reference: [stepwise, once].map((run) => reference.run({ ...run, stages }).tensors),
  };
  const side = async (name: keyof Checks, tolerance: number) => {
    const [decoded, prefill] = caches[name] as [AsyncIterable<Tensor>, AsyncIterable<Tensor>];
    const attention = await checkFirstAttention(file, invariants[name].firstRows, heads(engine));
    return merge(merge(result[name], attention), await compareCaches(decoded, prefill, tolerance));
  };
  return {
    candidate: await side('candidate', CACHE_TOLERANCE.exact),
    reference: await side('reference', CACHE_TOLERANCE[reference.info.mode]),
  };
}

/** ‖a−b‖ / ‖b‖ of a row of K or V: other kernels for one token than for many round differently, and quantised activations more so. */
const CACHE_TOLERANCE = { exact: 1e-3, native: 0.15 };

const heads = ({ config }: Engine): Heads => ({ heads: config.headCount, headsKv: config.headCountKv });

async function makeReport(
  { engine, reference, chosen, file, signal }: Both,
  plan: Plan,
  free: FreeRun,
  explained: Explained | undefined,
  checks: Checks,
): Promise<Omit<Report, 'timings'>> {
  const { info } = reference;
  const { architecture: arch, quantization, layers } = info.model;
  const comparison = explained ?? free.comparison;
  const spell = speller(file, reference, plan.tokens.at(-1) as number);
  const said = async (tokens: readonly number[]): Promise<Generated> => ({ tokens, text: await spell(tokens) });
  const top = comparison.logits?.topK;
  const { method, rule } = free.judged;
  return {
    schema: 1,
    verdict: comparison.verdict,
    reason: comparison.reason,
    model: { file: file.path, arch, quantization, layers, bytes: file.bytes },
    tokens: plan.tokens,
    reference: {
      name: info.name,
      version: info.version,
      mode: chosen.mode,
      why: chosen.why,
      cpuVariant: info.cpuVariant,
      callbackChangesNothing: free.callbackChangesNothing,
    },
    candidate: {
      name: 'llama-probe',
      backend: `WebGPU, ${engine.adapter.backend}`,
      adapter: engine.adapter.name,
    },
    floors: { method, ...rule },
    first: comparison.first,
    faults: explained?.faults ?? null,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    decode: describeDecode(comparison),
    checks,
    unseen: unseen(comparison.stages),
    generated: {
      candidate: await said(await ownTokens(engine, plan, free.generated, signal)),
      reference: await said(plan.unwatched.generated),
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
  { tokens, unwatched, ubatch }: Plan,
  generated: readonly number[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (generated.join() === unwatched.generated.join()) return generated;
  const run = engine.run({ tokens, ubatch, steps: unwatched.generated.length - 1, signal });
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
  const before = reference.detokenize([last]);
  return async (ids) => {
    const text = await reference.detokenize([last, ...ids]);
    return text.startsWith(await before) ? text.slice((await before).length) : reference.detokenize(ids);
  };
}

async function* say(
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

/** Notes the logits of the prompt's last position and of each step on their way. */
async function* lastLogits(
  tensors: AsyncIterable<Tensor>,
  promptLength: number,
  digests: string[],
): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    const isLast = tensor.step > 0 || tensor.tokens.at(-1) === promptLength - 1;
    if (tensor.stage === 'result_output' && isLast) digests.push(digest(tensor));
    yield tensor;
  }
}

/** Of a tensor's last row, bit for bit. */
function digest({ values, width }: Tensor): string {
  const row = values.subarray(-width);
  return createHash('sha256')
    .update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength))
    .digest('hex');
}
