/**
 * Measures the smallest error that is found, for docs/limits.md: it is put into the healthy engine at every stage of every layer, in
 * sizes of 1 and 3 times powers of ten, and counts as found where the verdict names exactly that stage, layer, step and token.
 *
 *   node scripts/dist/sensitivity.js [--types Q8_0,Q4_K] [--modes exact,native] [--adapter llvmpipe] [--every]
 *
 * Prints Markdown tables. Above the smallest size that is found, larger ones are taken to be found too; --every tries them all.
 * Exit code 1 if noise of 1e-4 in a row is missed anywhere in exact mode.
 */
import { parseArgs } from 'node:util';
import { type AdapterKind, WEIGHT_TYPES } from '@llama-probe/engine';
import type { ReferenceMode } from '@llama-probe/reference';
import { type Mistake, noiseInRow, oneValue } from './sensitivity/errors.js';
import { smallestNear, smallestOfEvery } from './sensitivity/search.js';
import { nameOf, openSubject, type Subject } from './sensitivity/subject.js';

const { values } = parseArgs({
  options: {
    types: { type: 'string', default: Object.keys(WEIGHT_TYPES).join() },
    modes: { type: 'string', default: 'exact,native' },
    adapter: { type: 'string', default: 'auto' },
    every: { type: 'boolean', default: false },
  },
});

const CLAIMED = 1e-4; // for noise, in exact mode

/** The smallest size that is found at a place; Infinity where not even 1 is. */
interface AtPlace {
  readonly name: string;
  readonly smallest: number;
}

/** Of one type: by mode. */
type ByMode = ReadonlyMap<ReferenceMode, { readonly noise: readonly AtPlace[]; readonly value: readonly AtPlace[] }>;

const types = values.types.split(',');
const modes = values.modes.split(',') as ReferenceMode[];
const found = new Map<string, ByMode>();
const begin = performance.now();
let runs = 0;
for (const type of types) {
  const byMode = new Map();
  found.set(type, byMode);
  for (const mode of modes) {
    const subject = await openSubject({ type, mode, adapter: values.adapter as AdapterKind | 'auto' });
    try {
      if (runs === 0) printAbout(subject);
      const noise = await smallestAtEachPlace(subject, noiseInRow);
      const value = await smallestAtEachPlace(subject, oneValue);
      byMode.set(mode, { noise, value });
      const seconds = ((performance.now() - begin) / 1000).toFixed(0);
      process.stderr.write(`${type} ${mode}: ${runs} runs in ${seconds} s; the floor is ${subject.kept.method}\n`);
    } finally {
      subject.close();
    }
  }
}

printTable("Noise in one row, relative to the row's norm", 'noise');
printTable("One value, changed by so much of the stage's RMS", 'value');
const missed = [...found].flatMap(([type, byMode]) =>
  (byMode.get('exact')?.noise ?? [])
    .filter(({ smallest }) => smallest > CLAIMED)
    .map(({ name, smallest }) => `${type}, ${name}: ${show(smallest)}`),
);
if (missed.length > 0) {
  console.log(`\nNoise of ${show(CLAIMED)} is missed in exact mode:\n${missed.join('\n')}`);
  process.exitCode = 1;
}

async function smallestAtEachPlace(subject: Subject, mistake: Mistake): Promise<AtPlace[]> {
  const all: AtPlace[] = [];
  let guess = CLAIMED;
  for (const [place, at] of subject.places.entries()) {
    const finds = (size: number) => {
      runs++;
      return subject.finds(place, mistake, size);
    };
    const smallest = await (values.every ? smallestOfEvery(finds) : smallestNear(guess, finds));
    all.push({ name: nameOf(at), smallest });
    if (Number.isFinite(smallest)) guess = smallest;
  }
  return all;
}

function printAbout({ places, kept, adapter }: Subject): void {
  const { tokens, reference } = kept;
  console.log(`${places.length} places, ${tokens.length} tokens and 1 decoded; ${adapter}; ${reference}`);
}

/** From which size on it is found at every place, with the place that is the last, and at half of the places. */
function printTable(title: string, which: 'noise' | 'value'): void {
  console.log(`\n${title}:\n`);
  console.log(`| | ${modes.map((mode) => `${mode}: every place | half of them`).join(' | ')} |`);
  console.log(`|${'---|'.repeat(1 + 2 * modes.length)}`);
  for (const [type, byMode] of found) {
    const cells = [...byMode.values()].flatMap((one) => {
      const sorted = one[which].toSorted((a, b) => a.smallest - b.smallest);
      const last = sorted.at(-1) as AtPlace;
      const median = sorted[(sorted.length - 1) >> 1] as AtPlace;
      return [`${show(last.smallest)} ${last.name}`, show(median.smallest)];
    });
    console.log(`| ${[type, ...cells].join(' | ')} |`);
  }
}

function show(size: number): string {
  return Number.isFinite(size) ? size.toExponential() : 'not even 1';
}
