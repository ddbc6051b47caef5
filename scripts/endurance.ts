/**
 * Ends commands at random moments, and runs many one after the other, for docs/limits.md.
 *
 *   node scripts/dist/endurance.js kills [--count 100] [--seed 1]
 *   node scripts/dist/endurance.js runs [--count 200]      # comparisons in one process
 *   node scripts/dist/endurance.js commands [--count 200]  # each as a command
 *
 * After a kill no process of the command may be left, it may not have ended as a divergence does, and after the next run nothing
 * half-written. Of many runs, memory, descriptors and temporary files at the end are held to those after the first tenth. Linux only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { randomFrom } from '@llama-probe/testing';
import { runCli } from 'llama-probe/internal';
import { pick } from './hostile/mutations.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'llama-probe-endurance-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const [temporary, cache, outputs] = ['tmp', 'cache', 'out'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
for (const each of [temporary, cache, outputs]) mkdirSync(each);
Object.assign(process.env, { TMPDIR: temporary, LLAMA_PROBE_CACHE: cache });

const SHORT = ['--tokens', '1,40,41', '--steps', '1'];
const COMPARE = ['compare', ...SHORT, '--no-tui', '--markdown', join(outputs, 'report.md')];
const CAPTURE = ['capture', '--from', 'llama', ...SHORT, '--out', join(outputs, 'side.arrow')];
const problems: string[] = [];

/** The processes that a process started, and those that they started. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') parents.set(Number(name), Number(parent));
    } catch {
      // it has ended meanwhile
    }
  }
  const children = (of: number): number[] => [...parents].filter(([, parent]) => parent === of).map(([child]) => child);
  const all = children(pid);
  for (const one of all) all.push(...children(one));
  return all;
}

/** Whether a process runs: one that has ended and was not fetched yet does not. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

const halfWritten = (): string[] =>
  [temporary, cache, outputs].flatMap((place) =>
    readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => /\.partial$|\.tmp$|stderr-/.test(name)),
  );

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [PROBE, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stderr,
  }));
  return { pid: child.pid as number, ended };
}

async function kills(count: number): Promise<void> {
  const random = randomFrom(Number(values.seed));
  const began = performance.now();
  for (const args of [COMPARE, CAPTURE]) await start(args).ended; // what is made once is there
  const usual = (performance.now() - began) / 2;
  const endings: Record<string, number> = {};
  let sent = 0;
  for (let i = 0; sent < count && i < 4 * count; i++) {
    const args = pick(random, [COMPARE, CAPTURE]);
    if (random() < 0.3) rmSync(cache, { recursive: true, force: true }); // so that some are ended while a model is made
    mkdirSync(cache, { recursive: true });
    const { pid, ended } = start(args);
    await wait(random() * usual);
    const signal = pick(random, ['SIGTERM', 'SIGHUP', 'SIGKILL', 'SIGINT'] as const);
    const children = descendantsOf(pid);
    const whom = pick(random, ['parent', 'child'] as const);
    const target = whom === 'child' ? children[0] : pid;
    const isSent = target !== undefined && isRunning(target);
    if (isSent) {
      process.kill(target, signal);
      sent++;
    }
    const { code, signal: by, stderr } = await ended;
    const what = `${i}: ${args[0]}, ${signal} to its ${whom}`;
    const ending = `${whom} ${signal}: ${by ?? code}`;
    if (isSent) endings[ending] = (endings[ending] ?? 0) + 1;
    if (code === 1) problems.push(`${what}: exit code 1: ${stderr}`);
    if (/^ +at .+:\d+/m.test(stderr)) problems.push(`${what}: a trace: ${stderr}`);
    // Who is left sees a closed pipe, and needs a moment for that.
    for (let turns = 0; turns < 200 && children.some(isRunning); turns++) await wait(50);
    const left = children.filter(isRunning);
    if (left.length > 0) problems.push(`${what}: ${left.length} processes are left`);
    for (const one of left) process.kill(one, 'SIGKILL');
  }
  for (const args of [COMPARE, CAPTURE]) {
    const { code, stderr } = await start(args).ended;
    if (code !== 0) problems.push(`the run after all of them: exit code ${code}: ${stderr}`);
  }
  for (const name of halfWritten()) problems.push(`half-written: ${name}`);
  for (const [ending, times] of Object.entries(endings).sort()) console.log(`${ending}: ${times}`);
  console.log(`${sent} commands ended: ${problems.length} problems.`);
}

/** What may not grow. */
const look = () => {
  global.gc?.();
  return {
    memory: process.memoryUsage().rss / 2 ** 20,
    descriptors: readdirSync('/proc/self/fd').length,
    files: readdirSync(temporary, { recursive: true }).length + readdirSync(cache, { recursive: true }).length,
  };
};

async function many(count: number, run: () => Promise<number | null>, mayGrow: number): Promise<void> {
  const seen: ReturnType<typeof look>[] = [];
  for (let i = 0; i < count; i++) {
    const code = await run();
    if (code !== 0) problems.push(`run ${i}: exit code ${code}`);
    seen.push(look());
  }
  const [early, late] = [seen[Math.floor(count / 10)], seen.at(-1)] as [
    ReturnType<typeof look>,
    ReturnType<typeof look>,
  ];
  const shown = ({ memory, descriptors, files }: ReturnType<typeof look>) =>
    `${memory.toFixed(0)} MiB, ${descriptors} descriptors, ${files} files`;
  console.log(`after ${Math.floor(count / 10) + 1} runs: ${shown(early)}; after ${count}: ${shown(late)}`);
  if (late.memory > early.memory + mayGrow) problems.push('memory grows');
  if (late.descriptors > early.descriptors) problems.push('descriptors are left open');
  if (late.files > early.files) problems.push('files are left');
  console.log(`${count} runs: ${problems.length} problems.`);
}

const quiet = async (args: readonly string[]): Promise<number> => {
  const write = process.stdout.write;
  process.stdout.write = (() => true) as typeof write;
  try {
    return await runCli(args);
  } finally {
    process.stdout.write = write;
  }
};

process.setMaxListeners(0); // each command listens for signals
const count = Number(values.count ?? (positionals[0] === 'kills' ? 100 : 200));
if (positionals[0] === 'kills') await kills(count);
else if (positionals[0] === 'runs') await many(count, () => quiet(COMPARE), 100);
else if (positionals[0] === 'commands') await many(count, async () => (await start(COMPARE).ended).code, 30);
else problems.push('usage: node scripts/dist/endurance.js kills|runs|commands [--count N] [--seed N]');
for (const problem of problems) console.log(problem);
process.exit(problems.length > 0 ? 1 : 0);
