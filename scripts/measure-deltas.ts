/**
 * Measures how far healthy runs are from the reference, for docs/limits.md: the worst stage of every model, weight type,
 * prompt and reference mode, as a Markdown table.
 *
 *   node scripts/dist/measure-deltas.js [--adapter llvmpipe]
 *
 * Models from outside take part where LLAMA_PROBE_MODELS names a folder that has them.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Run {
  verdict: string;
  reason: string;
  reference: { mode: string };
  candidate: { adapter: string };
  stages: Array<{ stage: string; layer: number | null; step: number; rel: number }>;
  logits: { klDivergence: number };
  generated: { candidate: { tokens: number[] }; reference: { tokens: number[] } };
}

const { values } = parseArgs({ options: { adapter: { type: 'string', default: 'auto' } } });
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const probe = here('../../packages/probe/bin/probe.js');
const TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'];
const LENGTHS = [1, 5, 64, 200];
const outside = process.env.LLAMA_PROBE_MODELS;

function compare(options: string[]): Run {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [probe, 'compare', '--json', '--adapter', values.adapter, ...options],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout) as Run;
}

/** Ids within any of these models' vocabularies, the same in every run: BOS, then a fixed walk. */
const ids = (length: number) => Array.from({ length }, (_, i) => (i === 0 ? 1 : 260 + ((i * 37 + 11) % 100))).join();

let worstOfAll = 0;
function row(name: string, options: string[]): void {
  const cells = LENGTHS.flatMap((length) =>
    ['exact', 'native'].map((mode) => {
      const run = compare([...options, '--tokens', ids(length), '--reference', mode]);
      if (run.verdict === 'incomparable') throw new Error(run.reason);
      const worst = run.stages.reduce((a, b) => (b.rel > a.rel ? b : a));
      const same = run.generated.candidate.tokens.join() === run.generated.reference.tokens.join();
      if (mode === 'exact') worstOfAll = Math.max(worstOfAll, worst.rel);
      return `${worst.rel.toExponential(1)} ${worst.stage}${same ? '' : ' (other tokens)'}${run.verdict === 'agree' ? '' : ' **diverged**'}`;
    }),
  );
  const [e1, n1, e5, n5, e64, n64, e200, n200] = cells;
  console.log(`| ${[name, e1, e5, e64, e200, n1, n5, n64, n200].join(' | ')} |`);
}

const adapter = compare(['--steps', '0', '--stages', 'embd']).candidate.adapter;
console.log(`On ${adapter}, the prompt and 16 decoded tokens, worst stage:\n`);
console.log(
  `| | ${['exact', 'native'].flatMap((mode) => LENGTHS.map((length) => `${mode}, ${length}`)).join(' | ')} |`,
);
console.log(`|${'---|'.repeat(1 + 2 * LENGTHS.length)}`);
for (const type of TYPES) row(`bundled, ${type}`, ['--quantize', type]);
for (const file of outside ? readdirSync(outside).filter((name) => name.endsWith('.gguf')) : []) {
  row(file, ['--model', join(outside as string, file)]);
}
console.log(`\nThe worst of all in exact mode: ${worstOfAll.toExponential(1)}.`);
