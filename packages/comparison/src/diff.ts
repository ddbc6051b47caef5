import {
  type AboutTokens,
  compare,
  describe,
  diagnoseTokens,
  type LimitRule,
  observe,
  type StageId,
  unseen,
} from '@llama-probe/diff';
import { type Dump, type DumpMetadata, openDump, type Tensor } from '@llama-probe/dump';
import { llamaGraph, stageKey } from '@llama-probe/dump/stage';
import { type GgufFile, llamaConfig } from '@llama-probe/engine';
import { computeStage, type Diagnosis } from '@llama-probe/oracle';
import { SideWatch } from './checks.js';
import { describeDecode } from './decode.js';
import { caseModel } from './diagnosis/case-model.js';
import { causeOf, diagnoseAll } from './diagnosis/causes.js';
import { collectCases, type SickCase } from './diagnosis/collect.js';
import { type Judged, RULES, readFloors, ruled, UNMEASURED } from './floors.js';
import type { DiffOptions, LimitOptions } from './options.js';
import { ownModel } from './own-model.js';
import type { Progress } from './progress.js';
import type { Report } from './report.js';
import type { Watcher } from './run/watcher.js';

/** `probe diff CANDIDATE REFERENCE`: two dumps. */
export async function runDiff(
  candidatePath: string,
  referencePath: string,
  options: DiffOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
): Promise<Report> {
  const begin = performance.now();
  const candidate = await openDump(candidatePath);
  try {
    const reference = await openDump(referencePath);
    try {
      const file = await ownModel(options.model, [reference, candidate]);
      const report = await diff(candidate, reference, file, options, progress, signal, watcher);
      const diagnosis = file ? await diagnoseFirst(report, candidate, file, progress, signal) : null;
      return { ...withCause(report, diagnosis), timings: { total: performance.now() - begin } };
    } finally {
      await reference.close();
    }
  } finally {
    await candidate.close();
  }
}

async function diff(
  candidate: Dump,
  reference: Dump,
  file: GgufFile | undefined,
  options: LimitOptions,
  progress: Progress,
  signal: AbortSignal,
  watcher?: Watcher,
): Promise<Omit<Report, 'timings'>> {
  const { metadata } = reference;
  const { floors, rule, method } = judgedBy(metadata, options);
  const shape = (stage: string) => metadata.shapes?.[stage]?.[0] ?? candidate.metadata.shapes?.[stage]?.[0];
  progress.say(`comparing ${candidate.path} with ${reference.path}`);
  const heads = { heads: shape('kq'), headsKv: shape('k_proj') };
  const sides = describeSides(candidate, reference);
  watcher?.begin({ ...sides, heads, stages: null, layers: null, steps: null });
  const architecture = metadata.model?.architecture ?? candidate.metadata.model?.architecture;
  const watches = [new SideWatch(architecture, heads), new SideWatch(architecture, heads)] as const;
  const ours = watches[0].pass(stoppable(candidate.tensors(), signal));
  const theirs = watches[1].pass(stoppable(reference.tensors(), signal));
  const tokens = { candidate: candidate.metadata.tokens, reference: metadata.tokens };
  const comparison = await compare(ours, theirs, {
    floors,
    rule: options.ruleAt?.(rule) ?? rule,
    tokens,
    ...heads,
    onStage: watcher && ((stage, rows) => watcher.stage('free', stage, rows)),
  });
  // Where there was nothing to compare, what holds of each side by itself is still to be seen.
  for (const side of [ours, theirs]) for await (const _ of side);
  return {
    schema: 1,
    verdict: comparison.verdict,
    reason: comparison.reason,
    ...sides,
    floors: { method, ...rule },
    first: comparison.first,
    faults: null,
    stages: comparison.stages,
    ignored: comparison.ignored,
    logits: comparison.logits,
    decode: describeDecode(comparison),
    checks: { candidate: watches[0].invariants.result(), reference: watches[1].invariants.result() },
    diagnosis: null,
    tokenDiagnosis: diagnoseTokens(tokens.candidate, tokens.reference, file ? vocabulary(file) : {}) ?? null,
    observations: observe(watches[0].observer.result(), watches[1].observer.result(), sides.reference.name),
    unseen: unseen(comparison.stages),
    generated: null,
    top: null,
  };
}

/** What the dumps say of what is compared with what. */
function describeSides(
  candidate: Dump,
  { path, metadata }: Dump,
): Pick<Report, 'model' | 'tokens' | 'reference' | 'candidate'> {
  const { model, producer, config, tokens } = metadata;
  const ours = candidate.metadata.producer;
  return {
    model: {
      file: model?.file ?? path,
      arch: model?.architecture ?? 'unknown',
      quantization: model?.quantization ?? 'unknown',
      layers: model?.layers ?? null,
      bytes: model?.bytes ?? null,
    },
    tokens,
    reference: { name: producer.name, version: producer.version, mode: String(config?.reference ?? 'unknown') },
    candidate: { name: ours.name, backend: ours.backend ?? 'unknown', adapter: ours.adapter ?? candidate.path },
  };
}

/** Names the bug of the first wrong stage from the candidate's own inputs, where the dump has them. */
async function diagnoseFirst(
  { first, stages, tokens }: Omit<Report, 'timings'>,
  candidate: Dump,
  file: GgufFile,
  progress: Progress,
  signal: AbortSignal,
): Promise<Diagnosis | null> {
  const stage = first && stages.find((one) => stageKey(one) === stageKey(first));
  if (!stage) return null;
  const model = caseModel(file, llamaConfig(file));
  const again = await openDump(candidate.path); // it is read twice at once: for the sick stage, and for what it was computed from
  try {
    const [sick] = await collectCases([stage], candidate.tensors(), again.tensors(), {
      model,
      graph: llamaGraph({ layers: model.layers }),
      ids: tokens,
    });
    return sick ? await nameOne(sick, progress, signal) : notLookedFor(stage);
  } finally {
    await again.close();
  }
}

/** Nothing was computed, which is not the same as nothing found. */
function notLookedFor(stage: StageId): Diagnosis {
  const text = `not looked for: the dump does not have, row by row in one piece, what ${describe(stage)} was computed from`;
  return { confidence: 'unknown', candidates: [], indistinguishable: [], text };
}

async function* stoppable(tensors: AsyncIterable<Tensor>, signal: AbortSignal): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    signal.throwIfAborted();
    yield tensor;
  }
}

async function nameOne(sick: SickCase, progress: Progress, signal: AbortSignal): Promise<Diagnosis | null> {
  const right = Float32Array.from(computeStage(sick.case));
  const [diagnosis] = await diagnoseAll([{ ...sick, right }], progress, signal);
  return diagnosis ?? null;
}

function withCause<T extends Omit<Report, 'timings'>>(report: T, diagnosis: Diagnosis | null): T {
  const cause = diagnosis && causeOf(diagnosis);
  return { ...report, diagnosis, first: report.first && { ...report.first, cause } };
}

/** How the model's file spells its tokens. */
function vocabulary({ metadata }: GgufFile): AboutTokens {
  const pieces = metadata['tokenizer.ggml.tokens'];
  const id = (name: string) => {
    const value = metadata[`tokenizer.ggml.${name}_token_id`];
    return value === undefined ? undefined : Number(value);
  };
  const piece = Array.isArray(pieces) ? (token: number) => pieces[token] as string | undefined : undefined;
  return { bos: id('bos'), eos: id('eos'), piece };
}

/** The reference's dump alone says how others are judged: by its measured floors, or by the constants of the mode that it was run in. */
function judgedBy({ floors, config }: DumpMetadata, options: LimitOptions): Omit<Judged, 'tensors'> {
  if (floors && options.floors !== false) {
    const { margin, minimum, method } = floors;
    return { floors: readFloors(floors), rule: ruled({ margin, minimum }, options), method };
  }
  const mode = config?.reference === 'native' ? 'native' : 'exact';
  const rule: LimitRule = { ...RULES[mode], minimum: UNMEASURED[mode] };
  const why = floors ? '--no-floors' : 'the reference has none (probe capture --from llama measures them)';
  return { floors: new Map(), rule: ruled(rule, options), method: `not measured: ${why}` };
}
