/**
 * How the time and memory of compare, capture, diff and blame grow with a model and a run, for docs/benchmarks.md.
 *
 *   node scripts/dist/growth.js [--only layers,tokens] [--rounds 2]
 *
 * Random Llamas of F32 weights, each command a process of its own with all that it starts: seconds of CPU, which other work on the machine hardly changes,
 * and the most memory. Of each the smallest of the rounds counts. Exponents are by least squares on logarithms over all sizes, and of the last doubling alone: a process
 * has a start that does not grow, and flattens the former. Linux only.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomFrom, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { type Cost, costOf } from './costs.js';

const { values } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '2' } },
});
const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));

/** What is run, of which one thing grows. */
interface Size {
  readonly layers: number;
  readonly width: number;
  readonly tokens: number;
  readonly steps: number;
  readonly stages: readonly string[];
}

/** Of a layer, without the scores, which grow with the square of the positions as the model has them. */
const STAGES = [
  ...['l_out', 'ffn_inp', 'attn_out', 'ffn_out', 'attn_norm', 'ffn_norm', 'attn_rms', 'ffn_rms'],
  ...['kqv_out', 'q_proj', 'k_proj', 'v_proj', 'q_rope', 'k_rope', 'ffn_gate', 'ffn_up'],
];
const USUAL: Size = { layers: 8, width: 256, tokens: 32, steps: 0, stages: STAGES };

const GROWING: Readonly<Record<string, readonly (Partial<Size> & { readonly size: number })[]>> = {
  layers: [8, 16, 32, 64].map((layers) => ({ size: layers, layers })),
  width: [128, 256, 512, 1024].map((width) => ({ size: width, width, layers: 4 })),
  tokens: [64, 128, 256, 512].map((tokens) => ({ size: tokens, tokens })),
  steps: [16, 32, 64, 128].map((steps) => ({ size: steps, steps })),
  stages: [2, 4, 8, 16].map((count) => ({ size: count, layers: 32, tokens: 128, stages: STAGES.slice(0, count) })),
};
const COMMANDS = ['compare', 'capture', 'diff', 'blame'] as const;

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-growth-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
let seed = Date.now() % 2 ** 31; // or a run before has left floors and hashes in the cache

/** What the four commands cost at a size. The tokens are new ones, since floors are cached by them. */
async function measure(size: Size): Promise<Record<(typeof COMMANDS)[number], Cost>> {
  const { layers, width, tokens, steps, stages } = size;
  const model = join(folder, 'model.gguf');
  const shape = { layers, embd: width, heads: 8, kvHeads: 4, headDim: width / 8, ff: 2 * width, vocab: 256 };
  const random = randomFrom(++seed);
  const { metadata, tensors } = tinyLlama({ ...shape, context: 1024 }, random);
  writeFileSync(
    model,
    writeGguf({ metadata: { ...metadata, 'tokenizer.ggml.model': text('no_vocab') }, tensors }).bytes,
  );
  const ids = Array.from({ length: tokens }, () => Math.floor(random() * 256)).join();
  const run = ['--model', model, '--tokens', ids, '--steps', `${steps}`, '--stages', stages.join()];
  const [mine, right] = ['mine.arrow', 'right.arrow'].map((name) => join(folder, name)) as [string, string];
  const probe = (...args: string[]) => costOf([PROBE, ...args]);
  const compare = await probe('compare', ...run, '--no-tui');
  await probe('capture', '--from', 'webgpu', ...run, '--out', mine);
  const capture = await probe('capture', '--from', 'llama', ...run, '--out', right);
  const diff = await probe('diff', mine, right, '--no-tui');
  const blame = await probe('diff', mine, right, '--no-tui', '--model', model, '--blame');
  return { compare, capture, diff, blame };
}

/** The slope of log(cost) over log(size), by least squares, and of the last doubling alone, which what does not grow flattens least. */
function exponents(sizes: readonly number[], costs: readonly number[]): string {
  const slope = (from: number): string => {
    const points = costs.slice(from).map((cost, i) => [Math.log(sizes[from + i] as number), Math.log(cost)] as const);
    const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
    const [x, y] = [mean(0), mean(1)];
    const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
    return (over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)).toFixed(2);
  };
  return `${slope(0)}, ${slope(-2 + costs.length)}`;
}

console.log('| | sizes | CPU, s | exponent | memory, MB | exponent |\n|---|---|---|---|---|---|');
for (const [what, sizes] of Object.entries(GROWING)) {
  if (values.only !== undefined && !values.only.split(',').includes(what)) continue;
  const best = new Map(COMMANDS.map((command) => [command, sizes.map(() => ({ cpu: Infinity, peak: Infinity }))]));
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [i, { size, ...given }] of sizes.entries()) {
      process.stderr.write(`${what} ${size}, round ${round} …\n`);
      for (const [command, { cpu, peak }] of Object.entries(await measure({ ...USUAL, ...given }))) {
        const kept = best.get(command as (typeof COMMANDS)[number])?.[i];
        if (kept) Object.assign(kept, { cpu: Math.min(kept.cpu, cpu), peak: Math.min(kept.peak, peak / 1e6) });
      }
    }
  }
  const at = sizes.map(({ size }) => size);
  for (const [command, costs] of best) {
    const [cpu, peak] = [costs.map((one) => one.cpu), costs.map((one) => one.peak)];
    const numbers = (all: readonly number[], digits: number) => all.map((one) => one.toFixed(digits)).join(', ');
    const powers = [cpu, peak].map((costs) => exponents(at, costs));
    console.log(
      `| ${command} over ${what} | ${at.join(', ')} | ${numbers(cpu, 2)} | ${powers[0]} | ${numbers(peak, 0)} | ${powers[1]} |`,
    );
  }
}
