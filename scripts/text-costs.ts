/**
 * What `probe text` costs, for docs/benchmarks.md: both sides on many prompts against each side alone, and the way to the stages against the logits alone.
 *
 *   node scripts/dist/text-costs.js sides [--prompts 100] [--tokens 100] [--rounds 5]
 *   node scripts/dist/text-costs.js funnel [--prompts 40] [--tokens 20] [--rounds 5]
 *
 * Each is a process of its own, with all that it starts; they take turns, with new prompts in each round, since floors are cached by prompt. Ratios are of one
 * round, and the median of the rounds is what counts: of CPU seconds, which other work on the machine hardly changes, and of the clock, which it does. Linux only.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUNDLED_MODEL, llama, runText, type Side, webgpu } from '@llama-probe/comparison';
import { keepProcesses } from '@llama-probe/reference/keep';
import { randomFrom } from '@llama-probe/testing';
import { type Cost, costOf } from './costs.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prompts: { type: 'string' },
    tokens: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

type Prompts = readonly (readonly number[])[];
type Work = (prompts: Prompts) => Promise<void>;

/** The logits of every position, of one side. */
const alone =
  (open: (model: string) => Promise<Side>): Work =>
  async (prompts) => {
    await using side = await open(BUNDLED_MODEL);
    for (const tokens of prompts) {
      let rows = 0;
      const { tensors } = side.run({ tokens, steps: 0, stages: ['result_output'] });
      for await (const { positions } of tensors) rows += positions.length;
      if (rows !== tokens.length) throw new Error(`${rows} rows of ${tokens.length} tokens`);
    }
  };

/** `probe text` with some options. */
const text =
  (options: Partial<Parameters<typeof runText>[0]>): Work =>
  async (all) => {
    const prompts = join(mkdtempSync(join(tmpdir(), 'llama-probe-text-')), 'prompts.jsonl');
    process.on('exit', () => rmSync(join(prompts, '..'), { recursive: true }));
    writeFileSync(prompts, all.map((tokens) => JSON.stringify({ tokens })).join('\n'));
    const given = { prompts, reference: 'auto', exactBy: 'auto', adapter: 'auto', ...options } as const;
    const { verdict } = await runText(given, { say: () => {} }, new AbortController().signal);
    const wanted = options.inject === undefined ? 'agree' : 'diverged';
    if (verdict !== wanted) throw new Error(`the verdict is ${verdict}, and should be ${wanted}`);
  };

/** What is held to what: the first to those after it, or to the dearest of them. */
const STORIES: Readonly<
  Record<string, { prompts: number; tokens: number; of: string[]; works: Record<string, Work> }>
> = {
  sides: {
    prompts: 100,
    tokens: 100,
    of: ['the engine alone', 'llama.cpp alone'],
    works: {
      'the engine alone': alone((model) => webgpu(model)),
      'llama.cpp alone': alone((model) => llama(model)),
      'both sides': text({}),
      'both sides, --no-floors': text({ floors: false }),
    },
  },
  funnel: {
    prompts: 40,
    tokens: 20,
    of: ['the logits alone'],
    works: {
      'the logits alone': text({ inject: 'rope-theta@1', worst: 0 }),
      'and the stages of the worst prompt': text({ inject: 'rope-theta@1', worst: 1 }),
      'and the stages of the three worst': text({ inject: 'rope-theta@1' }),
      'the three worst, --find onset': text({ inject: 'rope-theta@1', find: 'onset' }),
    },
  },
};

const name = positionals[0] ?? '';
const story = STORIES[name];
if (!story) throw new Error(`"${name}" is none of ${Object.keys(STORIES).join(', ')}`);
const [count, length] = [Number(values.prompts ?? story.prompts), Number(values.tokens ?? story.tokens)];

if (values.only === undefined) await measure(story);
else {
  const random = randomFrom(Number(values.seed));
  const token = () => 3 + Math.floor(random() * 990); // the bundled model has 1000
  const prompts = Array.from({ length: count }, () => [1, ...Array.from({ length: length - 1 }, token)]);
  const stop = keepProcesses(); // as the command does
  await story.works[values.only]?.(prompts);
  await stop();
}

type Kind = 'clock' | 'cpu';

async function measure({ of, works }: typeof story & object): Promise<void> {
  const costs = new Map<string, Cost[]>(Object.keys(works).map((work) => [work, []]));
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [work, all] of costs) {
      const cost = await costsOf(work, round);
      all.push(cost);
      const { cpu, clock } = cost;
      process.stderr.write(`round ${round}: ${work}: ${cpu.toFixed(1)} s of CPU, ${clock.toFixed(1)} s by the clock\n`);
    }
  }
  const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
  const dearest = (kind: Kind) => of.toSorted((a, b) => sum(costs.get(b), kind) - sum(costs.get(a), kind))[0];
  console.log(`${count} prompts of ${length} tokens, ${values.rounds} rounds, medians`);
  for (const [work, all] of costs) {
    const ratio = (kind: Kind): string => {
      const held = costs.get(dearest(kind) as string) as Cost[];
      return median(all.map((one, i) => one[kind] / (held[i] as Cost)[kind])).toFixed(2);
    };
    const seconds = (kind: Kind) => `${median(all.map((one) => one[kind])).toFixed(1)} s`;
    console.log(
      `  ${work.padEnd(36)} ${seconds('cpu').padStart(7)} of CPU, ${ratio('cpu')} of ${dearest('cpu')}; ${seconds('clock').padStart(7)} by the clock, ${ratio('clock')}`,
    );
  }
}

function sum(all: readonly Cost[] = [], kind: Kind): number {
  return all.reduce((total, one) => total + one[kind], 0);
}

function costsOf(work: string, seed: number): Promise<Cost> {
  const args = [fileURLToPath(import.meta.url), name, '--only', work, '--seed', String(seed)];
  return costOf([...args, '--prompts', String(count), '--tokens', String(length)]);
}
