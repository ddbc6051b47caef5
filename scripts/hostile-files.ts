/**
 * Tries what damaged and hostile files do, for docs/limits.md: small models, dumps and files of other programs, changed in bytes or in a field, through everything that
 * reads them, and a sample of them through whole commands, llama.cpp included. Nothing may fall, hang, print a trace or a control
 * character, or end with another exit code than those of a command.
 *
 *   node scripts/dist/hostile-files.js [--models 20000] [--dumps 20000] [--foreign 20000] [--commands 400] [--seed 1] [--hangs 5] [--state FILE]
 *   node scripts/dist/hostile-files.js --seed 1 --again dumps:517
 *
 * A case hangs after as many seconds of processor time as --hangs says. With --state it goes on where it was interrupted. Exit code 1 where a case
 * did what none may do.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeWhole } from '@llama-probe/dump/files';
import { runPart, type Tally } from './hostile/campaign.js';
import type { Kind } from './hostile/worker.js';

const number = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    models: number('20000'),
    dumps: number('20000'),
    foreign: number('20000'),
    commands: number('400'),
    broken: number('0'),
    hangs: number('5'),
    seed: { type: 'string' },
    state: { type: 'string' },
    again: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const hangs = Number(values.hangs);
const AT_ONCE = 500; // cases of one process
const KINDS = ['models', 'dumps', 'foreign', 'commands', 'broken'] as const satisfies readonly Kind[];

interface State {
  readonly seed: number;
  readonly done: Record<string, number>;
  readonly tally: Tally;
}

if (values.again) {
  const [kind, index] = values.again.split(':');
  const tally: Tally = { endings: {}, problems: [], memory: 0 };
  await runPart({ kind: kind as Kind, seed, from: Number(index), to: Number(index) + 1 }, tally, hangs);
  console.log(JSON.stringify(tally, null, 2));
} else {
  await runAll();
}

async function runAll(): Promise<void> {
  const { state: path } = values;
  const state: State =
    path && existsSync(path)
      ? JSON.parse(readFileSync(path, 'utf8'))
      : { seed, done: {}, tally: { endings: {}, problems: [], memory: 0 } };
  const { done, tally } = state;
  console.log(`SEED=${state.seed}`);
  for (const kind of KINDS) {
    const count = Number(values[kind]);
    done[kind] ??= 0;
    for (let from = done[kind]; from < count; from = done[kind]) {
      const to = Math.min(from + (kind === 'commands' ? 20 : AT_ONCE), count);
      await runPart({ kind, seed: state.seed, from, to }, tally, hangs);
      done[kind] = to;
      if (path) writeWhole(path, JSON.stringify(state));
      process.stderr.write(`${kind}: ${to} of ${count}, ${tally.problems.length} problems\n`);
    }
  }
  for (const [ending, times] of Object.entries(tally.endings).sort(([a], [b]) => a.localeCompare(b)))
    console.log(`${ending}: ${times}`);
  console.log(`At most ${Math.round(tally.memory)} MiB in a process.`);
  for (const { kind, index, complaints, args } of tally.problems) {
    console.log(`\n${kind}:${index}: ${complaints.join('; ')}${args ? `\n    probe ${args.join(' ')}` : ''}`);
  }
  console.log(
    `\n${Object.entries(done)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}: ${tally.problems.length} problems.`,
  );
  process.exitCode = tally.problems.length > 0 ? 1 : 0;
}
