import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Kind, News, Part } from './worker.js';

/** A case that did what none may do. `hostile-files.js --again KIND:INDEX --seed SEED` runs it again. */
export interface Problem {
  readonly kind: Kind;
  readonly index: number;
  readonly complaints: readonly string[];
  readonly args?: readonly string[];
}

/** What came of many cases. */
export interface Tally {
  /** How each ended → how often. */
  readonly endings: Record<string, number>;
  readonly problems: Problem[];
  /** The most that a process took, in MiB. */
  memory: number;
}

/**
 * Runs cases from one number to another; where the process falls or hangs, that is noted, and another goes on behind it.
 *
 * @param hangs s of processor time on one case, of its process and of those that it has waited for
 */
export async function runPart({ kind, seed, from, to }: Part, tally: Tally, hangs: number): Promise<void> {
  for (let next = from; next < to; ) next = await runUntilItFalls({ kind, seed, from: next, to }, tally, hangs);
}

async function runUntilItFalls(part: Part, tally: Tally, hangs: number): Promise<number> {
  const child = fork(new URL('worker.js', import.meta.url), {
    execArgv: ['--max-old-space-size=512'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  let at = part.from;
  let began = 0;
  let isOpen = false; // a case was begun, and nothing is known of it yet
  let hung = false;
  child.on('message', (news: News) => {
    if ('memory' in news) tally.memory = Math.max(tally.memory, news.memory);
    else if ('at' in news) [at, isOpen, began] = [news.at, true, processorTime(child.pid)];
    else {
      isOpen = false;
      const { kind: ending, complaints, args } = news.outcome;
      tally.endings[ending] = (tally.endings[ending] ?? 0) + 1;
      if (complaints.length > 0)
        tally.problems.push({ kind: part.kind, index: news.index, complaints, ...(args && { args }) });
    }
  });
  const watch = setInterval(() => {
    if (!isOpen || processorTime(child.pid) - began < hangs) return;
    hung = true;
    child.kill('SIGKILL');
  }, 250);
  child.send(part);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearInterval(watch);
  if (!isOpen && code === 0) return part.to;
  const what = hung
    ? `hangs: ${hangs} s of processor time, and no end`
    : `the process fell (${signal ?? `exit code ${code}`}): ${stderr.trim().slice(-300)}`;
  tally.problems.push({ kind: part.kind, index: at, complaints: [what] });
  return at + 1;
}

const TICKS = 100; // a second, of what Linux counts processor time in

/** Of a process, in seconds. */
function processorTime(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (user + system) / TICKS;
  } catch {
    return 0;
  }
}
