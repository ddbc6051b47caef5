/**
 * Writes docs/bugs.md: the catalogue, and how each of its bugs is found and named in healthy runs.
 *
 *     node scripts/dist/bugs-page.js [--types F16,Q8_0] [--models a.gguf,b.gguf] > docs/bugs.md
 */
import { type SpawnSyncOptionsWithStringEncoding, spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BugsReport } from 'llama-probe/internal';

const { values } = parseArgs({
  options: {
    types: { type: 'string', default: 'F16,Q8_0,Q4_0,Q4_K,Q6_K' },
    models: { type: 'string', default: '' },
  },
});
const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));

function run(name: string, args: readonly string[]): { name: string; report: BugsReport } {
  process.stderr.write(`${name}: every bug in several layers …\n`);
  const options: SpawnSyncOptionsWithStringEncoding = {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  };
  const { stdout, status } = spawnSync(process.execPath, [PROBE, 'bugs', '--run', '--json', ...args], options);
  if (status === 2) throw new Error(`${name}: ${stdout}`);
  return { name, report: JSON.parse(stdout) };
}

const runs = [
  ...values.types.split(',').map((type) => run(`the bundled model, ${type}`, ['--quantize', type])),
  ...values.models
    .split(',')
    .filter(Boolean)
    .map((model) => run(basename(model), ['--model', model])),
];
const [{ report }] = runs as [(typeof runs)[number]];
const trials = runs.flatMap((one) => one.report.trials ?? []);

console.log(`# Known bugs

What \`probe bugs\` lists, and what \`--inject ID\` puts into a run: the engine's (\`probe compare\`, \`probe capture --from webgpu\`), or llama.cpp's own of any architecture
(\`probe compare --candidate llama\`, \`probe capture --from llama\`); \`probe text\` and \`probe itself\` take it for both, too. At a faulty stage each of them is computed from the
stage's own inputs; the one that gives the same wrong numbers, to within the limit, is the cause. Sources are public GitHub threads, where there is one.
A bug that was put in and moves no stage beyond its limit on these tokens is said to be "not seen", with how far it moves one: then the sides agree.

| id | shows first at | what it is | source |
|---|---|---|---|`);
for (const { id, stages, title, source } of report.faults) {
  console.log(`| \`${id}\` | ${stages.map((stage) => `\`${stage}\``).join(' ')} | ${title} | ${source} |`);
}
console.log(`
## Found and named

Each bug, put into the first, a middle and the last layer (or the model-wide stages) of healthy runs: ${runs.map(({ name }) => name).join('; ')}. A
trial is *seen* where it changed a stage by more than its limit: a wrong epsilon under large activations changes nothing, a Q4_K bug nothing
in a Q8_0 file, and these models have no biases, no rope_freqs and no YaRN. *Right*: the first wrong stage is the one that the bug is of. *Named*: it is the first candidate. *Tied*: another
bug computes the same numbers from these inputs, is named, and the report says that the two cannot be told apart. Made by \`node scripts/dist/bugs-page.js\`.

| id | trials | seen | right stage | named | tied | not named |
|---|---|---|---|---|---|---|`);
for (const { id } of report.faults) {
  const own = trials.filter((trial) => trial.id === id);
  if (own.length > 0) console.log(`| \`${id}\` | ${counts(own).join(' | ')} |`);
}
console.log(`| all | ${counts(trials).join(' | ')} |`);

function counts(own: typeof trials): number[] {
  const seen = own.filter(({ found }) => found !== 'unseen');
  const right = seen.filter(({ found }) => found === 'right');
  const named = (how: string) => seen.filter((trial) => trial.named === how).length;
  return [own.length, seen.length, right.length, named('first'), named('tied'), named('no')];
}
