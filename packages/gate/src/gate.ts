import { readdirSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { Recorder } from '@llama-probe/comparison';
import { type AdapterChoice, type Note, type Progress, UsageError, VERSION, within } from '@llama-probe/comparison/ask';
import { checkOutputs, type OutputOptions } from '@llama-probe/report';
import { kindOf } from './config/candidate.js';
import type { GateCase } from './config/case.js';
import { casesOf, checkFiles, filesOf, type Matrix } from './config/cases.js';
import { inputsHash } from './config/inputs.js';
import { type LoadedConfig, loadConfig } from './config/load.js';
import { checkResultFile, type GateResult, goneNotes, type KnownUse, overall, writeResultFile } from './result.js';
import { KeptSides } from './run/run.js';
import { type CaseFinding, type KnownIndices, runCase } from './run/run-case.js';
import { casesOfShard, only, type Shard } from './shard.js';

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
  const { wanted, cases } = chosen(matrix, options);
  const inputs = inputsHash(wanted, options.update ?? false); // before --update writes any
  checkFiles(cases, loaded);
  const findings: CaseFinding[] = [];
  const sides = new KeptSides();
  try {
    for (const [i, one] of cases.entries()) {
      const label = cases.length > 1 ? `${one.name} (case ${i + 1} of ${cases.length})` : one.name;
      findings.push(
        await runCase(withAdapter(one, options.adapter), {
          progress: within(progress, label),
          signal,
          recorder: options.record ? new Recorder() : undefined,
          sides,
          factor: matrix.factor,
          update: options.update ?? false,
        }),
      );
    }
  } finally {
    await sides.close();
  }
  const result = conclude(loaded, matrix, options, { wanted, inputs, findings }, performance.now() - begin);
  if (options.result !== undefined) writeResultFile(options.result, result);
  return { result, findings };
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

/** What was to be run, and what came of it. */
interface GateCases {
  readonly wanted: readonly GateCase[];
  readonly inputs: string;
  readonly findings: readonly CaseFinding[];
}

function conclude(
  { path, hash, config }: LoadedConfig,
  matrix: Matrix,
  options: GateOptions,
  { wanted, inputs, findings }: GateCases,
  total: number,
): GateResult {
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
    schema: 1,
    kind: 'gate',
    version: VERSION,
    ...overall(findings),
    config: { file: relative(process.cwd(), path) || basename(path), hash, factor: matrix.factor, inputs },
    shard: options.shard ?? null,
    only: options.only ?? null,
    total: matrix.cases.length,
    names: wanted.map(({ name }) => name),
    cases: findings.map(({ recorder: _, ...rest }) => rest),
    known,
    notes: [...staleNotes(matrix), ...(isWhole ? goneNotes(known) : [])],
    timings: { total },
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
