import { readdirSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { Recorder } from '@llama-probe/comparison';
import { type AdapterChoice, type Note, type Progress, UsageError, VERSION, within } from '@llama-probe/comparison/ask';
import { checkOutputs, type OutputOptions } from '@llama-probe/report';
import { commitOf } from './commit.js';
import { kindOf } from './config/candidate.js';
import type { GateCase } from './config/case.js';
import { casesOf, checkFiles, filesOf, type Matrix } from './config/cases.js';
import { inputsHash } from './config/inputs.js';
import { type LoadedConfig, loadConfig } from './config/load.js';
import { Dataset } from './dataset/dataset.js';
import { only } from './only.js';
import { paced } from './paced.js';
import {
  checkResultFile,
  type GateResult,
  goneNotes,
  type KnownUse,
  overall,
  unfinished,
  writeResultFile,
} from './result.js';
import { NOTHING, resume } from './resume.js';
import { QuantizedCosts } from './run/quantized.js';
import { KeptSides } from './run/run.js';
import { type CaseFinding, type KnownIndices, runCase } from './run/run-case.js';
import { casesOfShard, type Shard } from './shard.js';

export interface GateOptions extends OutputOptions {
  config?: string;
  /** A glob over the names of cases. */
  only?: string;
  shard?: Shard;
  /** Write the baselines. */
  update?: boolean;
  /** Instead of what the configuration says. */
  adapter?: AdapterChoice;
  /** A file for `probe merge`. */
  result?: string;
  /** Go on with what `result` has kept of a run that was cut off. */
  resume?: boolean;
  /** A folder that keeps every stage of every case as a row. */
  dataset?: string;
  /** Take a closer look at every stage, for a page. */
  record?: boolean;
}

export interface GateRun {
  readonly result: GateResult;
  /** The cases with what only a run in memory has. */
  readonly findings: readonly CaseFinding[];
}

/** `probe gate`: every case of the configuration, against its reference and its baseline. */
export async function runGate(options: GateOptions, progress: Progress, signal: AbortSignal): Promise<GateRun> {
  const begin = performance.now();
  const loaded = await loadConfig(options.config);
  const matrix = casesOf(loaded);
  const taken = filesOf(matrix, loaded);
  if (options.result !== undefined) checkResultFile(options.result, taken);
  checkOutputs(options, options.result === undefined ? taken : [...taken, options.result]);
  if (options.update && matrix.baselines === null) {
    throw new UsageError(`--update: ${loaded.path} says that there are no baselines ("baselines": false).`);
  }
  if (options.resume && options.result === undefined) {
    throw new UsageError('--resume goes on with what --result has kept; name that file with --result.');
  }
  const { wanted, cases } = chosen(matrix, options);
  const inputs = inputsHash(wanted, options.update ?? false); // before --update writes any
  checkFiles(cases, loaded);
  const begun = about(loaded, matrix, options, wanted, inputs);
  const kept = options.resume && options.result !== undefined ? resume(options.result, begun) : NOTHING;
  const dataset = options.dataset === undefined ? undefined : Dataset.open(options.dataset, begun.commit);
  const costs = dataset && new QuantizedCosts();
  const findings = new Map<string, CaseFinding>(kept.cases);
  const sides = new KeptSides();
  const conclude = (): GateRun => {
    const found = cases.flatMap(({ name }) => findings.get(name) ?? []);
    const said = found.length < cases.length ? unfinished(found.length, cases.length) : overall(found);
    const total = kept.total + performance.now() - begin;
    const result = { ...begun, ...said, ...conclusion(loaded, matrix, found), timings: { total } };
    if (options.result !== undefined) writeResultFile(options.result, result);
    return { result, findings: found };
  };
  const keep = paced(conclude); // a run that is cut off can be resumed
  try {
    for (const [i, one] of cases.entries()) {
      if (findings.has(one.name)) continue;
      const label = cases.length > 1 ? `${one.name} (case ${i + 1} of ${cases.length})` : one.name;
      const finding = await runCase(withAdapter(one, options.adapter), {
        progress: within(progress, label),
        signal,
        recorder: options.record ? new Recorder() : undefined,
        sides,
        costs,
        factor: matrix.factor,
        update: options.update ?? false,
      });
      dataset?.keep(finding);
      findings.set(one.name, finding);
      if (findings.size < cases.length) keep();
    }
  } catch (error) {
    if (findings.size > kept.cases.size) conclude();
    throw error;
  } finally {
    await sides.close();
  }
  return conclude();
}

/** The cases that were asked for, and those of them that are this shard's. */
function chosen({ cases }: Matrix, options: GateOptions): { wanted: readonly GateCase[]; cases: readonly GateCase[] } {
  const wanted = options.only === undefined ? cases : only(cases, options.only);
  if (!options.shard) return { wanted, cases: wanted };
  const { index, count } = options.shard;
  const own = casesOfShard(wanted, options.shard);
  if (own.length > 0) return { wanted, cases: own };
  throw new UsageError(`--shard ${index}/${count} has no case: there are ${wanted.length}; use fewer shards.`);
}

function withAdapter(one: GateCase, adapter: AdapterChoice | undefined): GateCase {
  if (adapter === undefined || one.work.kind !== 'engine' || kindOf(one.work.options) !== 'webgpu') return one;
  return { ...one, work: { ...one.work, options: { ...one.work.options, adapter } } };
}

/** What is known of a gate before it runs. */
function about(
  { path, hash }: LoadedConfig,
  { cases, factor }: Matrix,
  { shard, only, adapter }: GateOptions,
  wanted: readonly GateCase[],
  inputs: string,
) {
  return {
    schema: 1,
    kind: 'gate',
    version: VERSION,
    config: { file: relative(process.cwd(), path) || basename(path), hash, factor, inputs },
    shard: shard ?? null,
    only: only ?? null,
    adapter: adapter ?? null,
    commit: commitOf(dirname(path)),
    total: cases.length,
    names: wanted.map(({ name }) => name),
  } as const;
}

/** What came of the cases, beside the verdict. */
function conclusion(
  { config }: LoadedConfig,
  matrix: Matrix,
  findings: readonly CaseFinding[],
): Pick<GateResult, 'cases' | 'known' | 'notes'> {
  const times = (index: number, which: keyof KnownIndices) =>
    findings.filter(({ known }) => known[which].includes(index)).length;
  const known = (config.known ?? []).map(
    ({ stages, until, reason }, i): KnownUse => ({
      stages: [stages].flat(),
      until,
      reason,
      applied: times(i, 'applied'),
      used: times(i, 'used'),
      untold: times(i, 'untold'),
    }),
  );
  const isWhole = findings.length === matrix.cases.length;
  return {
    cases: findings.map(({ recorder: _, ...rest }) => rest),
    known,
    notes: [...staleNotes(matrix), ...(isWhole ? goneNotes(known) : [])],
  };
}

/** Baselines that no case has. */
function staleNotes({ baselines, cases }: Matrix): Note[] {
  if (baselines === null) return [];
  const own = new Set(cases.map(({ name }) => `${name}.arrow`));
  let files: string[];
  try {
    files = readdirSync(baselines);
  } catch {
    return []; // each case says that its own is missing
  }
  return files
    .filter((file) => file.endsWith('.arrow') && !own.has(file))
    .sort()
    .map((file) => ({
      level: 'notice',
      text: `the baseline ${file} belongs to no case: remove it, or rename the case`,
    }));
}
