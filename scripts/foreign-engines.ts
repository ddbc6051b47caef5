/**
 * Shows what is said of engines that share no code with this project, for docs/limits.md: `probe compare --engine` with test/engine/mini-llama.mjs, or with
 * test/engine/llama.py, healthy and with each of its bugs, in several formats, orders of Q and K, and precisions. A Markdown table.
 *
 *   node scripts/dist/foreign-engines.js [--engine javascript|python] [--bugs rope-halves,gelu] [--all]
 *
 * Each bug runs in three of the twelve combinations, in turn, or in --all of them. Exit code 1 where a healthy run is accused, a bug is found at another stage or
 * layer, or another name is called confirmed.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ComparisonDocument, Failure } from 'llama-probe';
import { decode } from 'llama-probe/internal';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'javascript' },
    bugs: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});
const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PROBE = root('packages/probe/bin/probe.js');
const ENGINES: Readonly<Record<string, { readonly command: string; readonly formats: readonly string[] }>> = {
  javascript: {
    command: `"${process.execPath}" "${root('test/engine/mini-llama.mjs')}"`,
    formats: ['arrow', 'safetensors', 'npz'],
  },
  python: { command: `python3 "${root('test/engine/llama.py')}"`, formats: ['safetensors', 'npz', 'npy'] },
};
const ENGINE = ENGINES[values.engine];
if (ENGINE === undefined) throw new Error(`--engine ${values.engine}: wanted ${Object.keys(ENGINES).join(' or ')}`);
/** The bugs that both have: at which stage each shows first, and the name of it. */
const { BUGS, NAMES_IN_HF } = (await import(root('test/engine/llama.mjs'))) as {
  BUGS: Readonly<Record<string, readonly [stage: string, id: string]>>;
  NAMES_IN_HF: Readonly<Record<string, string>>;
};
const LAYER = 1;
/** Bugs whose numbers are nearer to the right ones than bf16 rounds: an epsilon of 1e-3 beside a mean square of 30. */
const BELOW_BF16: ReadonlySet<string> = new Set(['rms-eps']);

const COMBINATIONS = ENGINE.formats.flatMap((format) =>
  ['gguf', 'hf'].flatMap((order) => ['f32', 'bf16'].map((precision) => ({ format, order, precision }))),
);
type Combination = (typeof COMBINATIONS)[number];

const wrong: string[] = [];
const counts = { healthy: 0, sick: 0, atStage: 0, named: 0, likely: 0 };

for (const combination of COMBINATIONS) {
  const { verdict, reason } = run(undefined, combination);
  counts.healthy++;
  if (verdict !== 'agree') wrong.push(`healthy, ${textOf(combination)}: ${reason}`);
}
console.log('| bug | where | runs | at that stage | named | otherwise |\n|---|---|---|---|---|---|');
for (const [i, bug] of (values.bugs?.split(',') ?? Object.keys(BUGS)).entries()) {
  const [stage, id] = BUGS[bug] as readonly [string, string];
  // One of each format, both orders and both precisions, another choice for each bug.
  const visible = COMBINATIONS.filter(({ precision }) => precision === 'f32' || !BELOW_BF16.has(bug));
  const some = [0, 5, 10].map((at) => visible[(at + i) % visible.length] as Combination);
  const runs = (values.all ? visible : some).map((combination) => told(bug, stage, id, combination));
  const atStage = runs.filter((one) => one.isAtStage).length;
  const named = runs.filter((one) => one.isNamed).length;
  const others = [...new Set(runs.flatMap(({ other }) => other ?? []))].join(', ');
  console.log(`| ${bug} | ${stage} | ${runs.length} | ${atStage} | ${named} | ${others} |`);
}
const share = (count: number) => `${count} (${((100 * count) / counts.sick).toFixed(1)} %)`;
console.log(
  `\n${counts.healthy} healthy runs. ${counts.sick} runs with a bug: at its stage ${share(counts.atStage)}, named ${share(counts.named)}, of these ${counts.likely} as likely.`,
);
for (const line of wrong) console.log(`\n${line}`);
process.exitCode = wrong.length > 0 ? 1 : 0;

function told(bug: string, stage: string, id: string, combination: Combination) {
  const { first, verdict, reason } = run(bug, combination);
  const isInLayers = stage !== 'embd' && stage !== 'result_output';
  const isAtStage = verdict === 'diverged' && first?.stage === stage && (!isInLayers || first.layer === LAYER);
  const cause = first?.cause;
  const name = (combination.order === 'hf' && NAMES_IN_HF[bug]) || id;
  const isNamed = isAtStage && cause?.id === name;
  counts.sick++;
  if (isAtStage) counts.atStage++;
  if (isNamed) counts.named++;
  if (isNamed && cause?.confidence === 'likely') counts.likely++;
  if (!isAtStage) wrong.push(`${bug}, ${textOf(combination)}: ${reason}`);
  else if (!isNamed && cause?.confidence === 'confirmed')
    wrong.push(`${bug}, ${textOf(combination)}: ${cause.id} is called confirmed`);
  return {
    isAtStage,
    isNamed,
    other: isNamed ? undefined : `${cause?.confidence ?? 'no cause'} ${cause?.id ?? ''}`.trim(),
  };
}

function run(bug: string | undefined, { format, order, precision }: Combination): ComparisonDocument {
  const sick = bug === undefined ? '' : `--bug ${bug} --from ${LAYER}`;
  const engine = `${ENGINE?.command} ${sick} --format ${format} --order ${order} --precision ${precision}`;
  const steps = bug === 'decode-position' ? '1' : '0';
  const command = ['compare', '--engine', engine, '--prompt', 'What is 2 plus 3?', '--steps', steps, '--json'];
  const { stdout, stderr } = spawnSync(process.execPath, [PROBE, ...command], { encoding: 'utf8', maxBuffer: 1 << 30 });
  const printed = decode(stdout || '{}') as ComparisonDocument | Failure | Record<string, never>;
  if (printed.kind !== 'comparison') throw new Error(`${engine}: ${stderr}`);
  process.stderr.write(`${bug ?? 'healthy'}, ${textOf({ format, order, precision })}: ${printed.verdict}\n`);
  return printed;
}

function textOf({ format, order, precision }: Combination): string {
  return `${format}, ${order} order, ${precision}`;
}
