/**
 * Puts each known bug into llama.cpp's own run of models of any architecture, for the table of docs/limits.md: is it found at its stage, as the only
 * fault, and named? A row for each model, with a cell for each type that it is quantised to first.
 *
 *     node scripts/dist/architecture-bugs.js [--types F32,Q8_0,Q4_K] [--only rope-halves] [--sample 40 --seed 7] [--stages embd,l_out,result_output] MODEL.gguf …
 *
 * A sample is another one for each model and type. With --stages the candidate has these stages only: is it found at the next of them, and named from there?
 *
 * Exit code 1 where one was not.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { graphTrials } from '@llama-probe/comparison';
import { CATALOGUE } from '@llama-probe/oracle';
import { quantizeModel } from '@llama-probe/reference';
import { randomFrom } from '@llama-probe/testing';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    types: { type: 'string' },
    only: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 100000) },
    stages: { type: 'string' },
  },
});
const random = randomFrom(Number(values.seed));
const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];
const types = values.types?.split(',');
const { signal } = new AbortController();

/** Of the trials that change a number. */
interface Count {
  readonly seen: number;
  readonly found: number;
  readonly named: number;
  readonly tied: number;
}
const counts: Count[] = [];
const notSo: string[] = [];

const head = ['model', 'bugs', ...(types ?? ['its own type'])];
console.log(`| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}`);
for (const model of positionals) {
  const bugs = new Set<string>();
  const cells: string[] = [];
  for (const type of types ?? [undefined]) {
    const count = await tryAll(model, type, bugs);
    counts.push(count);
    cells.push(textOf(count));
  }
  console.log(`| ${[basename(model), bugs.size, ...cells].join(' | ')} |`);
}
const all = sum(counts);
const share = (part: number) => `${((100 * part) / all.seen).toFixed(1)} %`;
console.log(
  `\n${all.seen} trials that change a number: ${all.found} found (${share(all.found)}), ` +
    `${all.named + all.tied} named (${share(all.named + all.tied)}), ${all.tied} of them with others that fit as well.`,
);
if (values.sample !== undefined) console.log(`\nA sample of ${values.sample} bugs a cell, seed ${values.seed}.`);
for (const line of notSo) console.log(`\n${line}`);
process.exitCode = notSo.length > 0 ? 1 : 0;

async function tryAll(model: string, type: string | undefined, bugs: Set<string>): Promise<Count> {
  const path = type === undefined ? model : await quantizeModel({ model, type });
  const { trials } = await graphTrials(path, {
    tokensOf: async () => TOKENS,
    ids: values.sample === undefined ? values.only?.split(',') : sampled(Number(values.sample)),
    captured: values.stages?.split(','),
    onProgress: (text) => process.stderr.write(`${basename(model)} ${type ?? ''}: ${text}\n`),
    signal,
  });
  for (const { id } of trials) bugs.add(id);
  const seen = trials.filter(({ found }) => found !== 'unseen');
  const right = seen.filter(({ found }) => found === 'right');
  for (const { id, layer, found, at, named, name } of seen) {
    if (found === 'right' && named !== 'no') continue;
    const as = found === 'right' ? `named ${name ?? 'nothing'}` : `found at ${at ?? 'no stage'}`;
    notSo.push(`${basename(model)}${type ? `, ${type}` : ''}: ${id} in layer ${layer ?? '–'} is ${as}`);
  }
  const named = (how: string) => right.filter((trial) => trial.named === how).length;
  return { seen: seen.length, found: right.length, named: named('first'), tied: named('tied') };
}

/** So many of the known bugs. */
function sampled(count: number): string[] {
  const ids = CATALOGUE.map(({ id }) => ({ id, at: random() })).sort((a, b) => a.at - b.at);
  return ids.slice(0, count).map(({ id }) => id);
}

/** How many change a number; how many of these are found and named where that is not all. */
function textOf({ seen, found, named, tied }: Count): string {
  const also = [
    ...(found < seen ? [`${found} found`] : []),
    ...(named < found ? [`${named} named`] : []),
    ...(tied > 0 ? [`${tied} with others`] : []),
  ];
  return [seen, ...also].join(', ');
}

function sum(parts: readonly Count[]): Count {
  const total = (of: keyof Count) => parts.reduce((all, part) => all + part[of], 0);
  return { seen: total('seen'), found: total('found'), named: total('named'), tied: total('tied') };
}
