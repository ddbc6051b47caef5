/**
 * Shows that no healthy run is called wrong, for docs/limits.md: the command itself, on every weight type of the bundled model and on
 * the models from outside, with both references, short and long prompts, and every adapter that this machine has. Markdown tables.
 *
 *   node scripts/dist/false-alarms.js [--types Q8_0,Q4_K] [--prompts 1,33] [--adapters llvmpipe]
 *
 * Models from outside take part where LLAMA_PROBE_MODELS names a folder that has them, at any depth. What the engine cannot compute (another
 * architecture) is run by two other CPU builds of llama.cpp instead, as somebody's recorded run. Exit code 1 where a run diverged, could
 * not be told, has a stage with a fault of its own, a broken check or another greedy choice that is no tie, or where llama.cpp computes other
 * logits when it is watched.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AdapterKind, listAdapters, ModelError, openEngine, WEIGHT_TYPES } from '@llama-probe/engine';
import { openReference, otherBuild } from '@llama-probe/reference';
import type { ComparisonDocument, Failure, Report } from 'llama-probe';
import { decode } from 'llama-probe/internal';

const { values } = parseArgs({
  options: {
    types: { type: 'string' },
    prompts: { type: 'string', default: '1,2,5,33,200,330' },
    adapters: { type: 'string' },
  },
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PROBE = here('../../packages/probe/bin/probe.js');
const SAMPLE = readFileSync(here('../../scripts/bundled-model/sample.txt'), 'utf8');
const MODES = ['exact', 'native'] as const;
const STEPS: Readonly<Record<AdapterKind, number>> = { gpu: 16, llvmpipe: 16, lavapipe: 16, swiftshader: 4 };

const KINDS = [
  'diverged',
  'incomparable',
  'faults',
  'broken checks',
  'another choice that is no tie',
  'changed by being watched',
  'no report',
] as const;

/** A healthy run, and what is said against it. */
interface Run {
  readonly mode: (typeof MODES)[number];
  readonly report: Report | undefined;
  readonly alarms: readonly Alarm[];
}

interface Alarm {
  readonly kind: (typeof KINDS)[number];
  readonly text: string;
}

const lengths = values.prompts.split(',').map(Number);
const adapters = await foundAdapters();
const models = [...bundled(), ...fromOutside()];
const builds = await otherBuilds();
const all: Run[] = [];
const said: string[] = []; // of each alarm, with the command that shows it
const begin = performance.now();

console.log(`\n| | ${MODES.map((mode) => `${mode}: of its limit | relative | other choices`).join(' | ')} |`);
console.log(`|${'---|'.repeat(1 + 3 * MODES.length)}`);
for (const { name, args } of models) {
  const tokens = sampleTokens(args);
  const computed = await isComputed(args);
  const runs = MODES.flatMap((mode) =>
    [...new Set(lengths.map((length) => Math.min(length, tokens.length)))].flatMap((length) => {
      const prompt = ['--tokens', tokens.slice(0, length).join(), '--reference', mode];
      return computed
        ? adapters.map((adapter) => computedBy(adapter, [...args, ...prompt], mode))
        : builds.map((build) => recordedBy(build, [...args, ...prompt], mode));
    }),
  );
  all.push(...runs);
  const cells = MODES.flatMap((mode) => summary(runs.filter((one) => one.mode === mode)));
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}
printTotals();

/** A run of the engine beside llama.cpp. */
function computedBy(adapter: AdapterKind, args: readonly string[], mode: Run['mode']): Run {
  const run = ['--adapter', adapter, '--steps', String(STEPS[adapter])];
  return judged(['compare', ...args, ...run, '--blame', '--json'], mode, args);
}

/** A recorded run of another CPU build of llama.cpp, on its F32 weights in \`exact\`, held to that of the best one. */
function recordedBy(build: string, args: readonly string[], mode: Run['mode']): Run {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-'));
  try {
    const [candidate, reference] = ['candidate.arrow', 'reference.arrow'].map((name) => join(folder, name)) as [
      string,
      string,
    ];
    const capture = ['capture', '--from', 'llama', ...args, '--steps', '2'];
    const failed = [
      probe([...capture, '--no-floors', '--out', candidate], { LLAMA_PROBE_CPU: build }),
      probe([...capture, '--out', reference]),
    ].find(({ status }) => status !== 0);
    if (failed)
      return told({ mode, report: undefined, alarms: [{ kind: 'no report', text: failed.stderr }] }, capture, args);
    const model = args.slice(args.indexOf('--model'), args.indexOf('--model') + 2);
    return judged(['diff', candidate, reference, ...model, '--blame', '--json'], mode, [build, ...args]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a command says of a healthy run. @param args what it is called in the log */
function judged(command: readonly string[], mode: Run['mode'], args: readonly string[]): Run {
  const { stdout, stderr } = probe(command);
  const printed = decode(stdout || '{}') as ComparisonDocument | Failure | Record<string, never>;
  const report = printed.kind === 'comparison' ? printed : undefined;
  const alarms = report ? alarmsOf(report) : [{ kind: 'no report', text: stderr } as const];
  return told({ mode, report, alarms }, command, args);
}

function told(run: Run, command: readonly string[], args: readonly string[]): Run {
  for (const { kind, text } of run.alarms) said.push(`${kind}: ${text}\n    probe ${command.join(' ')}`);
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  const short = args.join(' ').replace(/(--tokens \S{60})\S+/, '$1…');
  process.stderr.write(`${seconds} s, ${short}: ${run.alarms.length} alarms\n`);
  return run;
}

function alarmsOf({ verdict, reason, faults, checks, decode, reference }: Report): Alarm[] {
  const found: Alarm[] = [];
  if (verdict !== 'agree') found.push({ kind: verdict, text: reason });
  if (faults === null) found.push({ kind: 'faults', text: 'the blaming run is missing' });
  for (const { stage, layer, step, local, limit } of faults ?? []) {
    found.push({ kind: 'faults', text: `${stage} of layer ${layer} at step ${step}: ${local}, limit ${limit}` });
  }
  for (const side of ['candidate', 'reference'] as const) {
    for (const { text } of checks[side].broken) found.push({ kind: 'broken checks', text: `${side}: ${text}` });
  }
  const { firstOtherChoice: other } = decode;
  if (other && !other.tie) {
    found.push({
      kind: 'another choice that is no tie',
      text: `at step ${other.step} by ${other.gap}, allowed ${other.allowed}`,
    });
  }
  if (reference.callbackChangesNothing === false) {
    found.push({ kind: 'changed by being watched', text: "llama.cpp's logits are others when it is watched" });
  }
  return found;
}

/** Three cells: what came closest to its limit, the largest relative delta, and in how many runs a greedy choice differs. */
function summary(runs: readonly Run[]): string[] {
  const reports = runs.flatMap(({ report }) => report ?? []);
  const stages = reports.flatMap((report) => report.stages);
  const [first] = stages;
  if (!first) return ['no report', '', ''];
  const closest = stages.reduce((a, b) => (b.ofLimit > a.ofLimit ? b : a));
  const largest = stages.reduce((a, b) => (b.rel > a.rel ? b : a));
  const choices = reports.flatMap(({ decode }) => decode.firstOtherChoice ?? []);
  const ties = choices.filter(({ tie }) => tie).length;
  return [
    `${Number(closest.ofLimit.toPrecision(2))} ${closest.stage} (${partOf(closest)})`,
    `${largest.rel.toExponential(1)} ${largest.stage}`,
    choices.length === 0 ? '0' : `${choices.length}, ${ties === choices.length ? 'all ties' : `${ties} of them ties`}`,
  ];
}

/** Which of the three deltas is closest to its limit. */
function partOf({ ofLimit, rel, limits, worstRow }: Report['stages'][number]): string {
  if (ofLimit === rel / limits.rel) return 'stage';
  return worstRow && ofLimit === worstRow.rel / limits.row ? 'row' : 'value';
}

function printTotals(): void {
  const reports = all.flatMap(({ report }) => report ?? []);
  const stages = reports.reduce((sum, report) => sum + report.stages.length, 0);
  const counts = KINDS.map(
    (kind) => `${kind} ${all.filter(({ alarms }) => alarms.some((one) => one.kind === kind)).length}`,
  );
  console.log(`\n${all.length} runs, ${stages} stages. Runs with: ${counts.join(', ')}.`);
  const rows = new Map<string, number>();
  for (const { checks } of reports) {
    for (const { checked } of [checks.candidate, checks.reference]) {
      for (const [check, count] of Object.entries(checked)) rows.set(check, (rows.get(check) ?? 0) + count);
    }
  }
  console.log(`Rows checked: ${[...rows].map(([check, count]) => `${check} ${count}`).join(', ')}.`);
  const [first] = reports;
  if (first) console.log(`${first.reference.name} ${first.reference.version}, ${first.reference.cpuVariant} build.`);
  for (const method of new Set(reports.map(({ floors }) => floors.method))) console.log(`Floors: ${method}.`);
  for (const line of said) console.log(`\n${line}`);
  process.exitCode = said.length > 0 || all.length === 0 ? 1 : 0;
}

/** Those asked for that work here; says which do not. */
async function foundAdapters(): Promise<AdapterKind[]> {
  const asked = values.adapters?.split(',');
  const listed = (await listAdapters()).filter(({ kind }) => asked?.includes(kind) ?? true);
  for (const { kind, found, info, reason } of listed) {
    console.log(
      found ? `${kind}: ${info?.name}, ${info?.backend}, ${STEPS[kind]} steps` : `${kind}: skipped, ${reason}`,
    );
  }
  return listed.filter(({ found }) => found).map(({ kind }) => kind);
}

interface Model {
  readonly name: string;
  readonly args: readonly string[];
}

function bundled(): Model[] {
  const types = values.types?.split(',').filter((type) => type !== '') ?? Object.keys(WEIGHT_TYPES);
  return types.map((type) => ({ name: `bundled, ${type}`, args: ['--quantize', type] }));
}

function fromOutside(): Model[] {
  const folder = process.env.LLAMA_PROBE_MODELS;
  if (!folder) console.log('models from outside: skipped, LLAMA_PROBE_MODELS does not say where they are');
  const files = folder
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.gguf'))
    : [];
  return files.map((file) => ({ name: file, args: ['--model', join(folder as string, file)] }));
}

/** Whether the engine computes the model; the bundled one it does. */
async function isComputed(args: readonly string[]): Promise<boolean> {
  if (args[0] !== '--model') return true;
  try {
    const engine = await openEngine({ model: args[1] as string });
    engine.close();
    return true;
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

/** The nearest and the farthest of llama.cpp's CPU builds whose sums round differently from the best one's. */
async function otherBuilds(): Promise<string[]> {
  const reference = await openReference({
    model: here('../../packages/probe/models/smalltalk-4M-F16.gguf'),
    mode: 'native',
  });
  await reference.close();
  const { cpuVariant, cpuVariants } = reference.info;
  const found: string[] = [];
  let build: string | undefined = cpuVariant;
  for (;;) {
    build = otherBuild(build, cpuVariants.slice(cpuVariants.indexOf(build)));
    if (build === undefined) return [...new Set([...found.slice(0, 1), ...found.slice(-1)])];
    found.push(build);
  }
}

/** Real text as a model's own tokens, BOS first: enough for the longest prompt, or as much of it as the model has room for. */
function sampleTokens(args: readonly string[]): readonly number[] {
  const most = Math.max(...lengths);
  let longest: readonly number[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-'));
  try {
    // Pieces of words, in a context of 512; a vocabulary of letters, as BabyLlama's, in its 256; a context of 128.
    for (const length of [1280, 900, 230, 60]) {
      const text = ['--prompt', SAMPLE.slice(0, length), '--steps', '0', '--stages', 'embd'];
      const out = ['--out', join(folder, 'sample.arrow'), '--json'];
      const { stdout } = probe(['capture', '--from', 'llama', ...args, ...text, ...out]);
      const { tokens = [] } = JSON.parse(stdout) as Partial<Report>;
      if (tokens.length > longest.length) longest = tokens;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (longest.length === 0) throw new Error(`${args.join(' ')}: no text fits`);
  return longest.slice(0, most);
}

function probe(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [PROBE, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, ...env },
  });
}
