import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { ProgramError } from './errors.js';

/** How a program ended, and the end of what it said on standard error. */
export interface Ended {
  readonly how: { readonly code: number } | { readonly signal: string } | 'late' | 'aborted';
  readonly said: string;
}

interface Started {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where its standard output goes: a file that is open. */
  readonly stdout: number;
  /** The current folder without it. */
  readonly cwd: string | undefined;
  /** How long it may take, in ms. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

const GRACE = 2000; // ms to end by itself, when told to
const KEPT = 64 << 10; // characters of what it said last

/**
 * Runs a command, and beside it one that waits on a pipe from here: where this process dies of what it cannot hear, the pipe ends, and with it the
 * whole group. What the shell has to say about that is not the program's.
 */
const GUARDED = [
  'exec 4>&2 2>/dev/null',
  '(read -r _ <&3; kill -s KILL 0) >/dev/null 4>&- & guard=$!',
  'trap : TERM', // ended only after the program
  '(exec sh -c "$1" 2>&4 3<&- 4>&-); code=$?',
  'kill -s KILL $guard; wait $guard; exit $code',
].join('\n');

const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) killGroup(child, 'SIGKILL');
});

/**
 * Runs a command in a shell, to its end or until it is late. Nothing that it has started is left then.
 *
 * @throws ProgramError where there is no shell, or the system refuses to start it
 */
export async function runProcess(started: Started): Promise<Ended> {
  const { limit, signal } = started;
  const child = start(started);
  living.add(child);
  const stderr = child.stderr as Readable;
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  const closed = new Promise((resolve) => stderr.on('close', resolve));
  for (const pipe of [stderr, child.stdio[3]]) pipe?.on('error', () => {}); // a reset when the program ends is none of its own
  let stopped: 'late' | 'aborted' | undefined;
  let killing: NodeJS.Timeout | undefined;
  const stop = (why: typeof stopped) => {
    stopped ??= why;
    killGroup(child, 'SIGTERM');
    killing ??= setTimeout(() => killGroup(child, 'SIGKILL'), GRACE);
  };
  const onAbort = () => stop('aborted');
  const timer = setTimeout(() => stop('late'), limit);
  try {
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const [code, killed] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    killGroup(child, 'SIGKILL'); // whatever it has left behind
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, GRACE).unref())]);
    return { how: stopped ?? outcome(code, killed), said };
  } catch (cause) {
    throw unstartable(cause);
  } finally {
    clearTimeout(timer);
    clearTimeout(killing);
    signal.removeEventListener('abort', onAbort);
    living.delete(child);
  }
}

function start({ command, environment, stdout, cwd }: Started): ChildProcess {
  try {
    return spawn('sh', ['-c', GUARDED, 'sh', command], {
      stdio: ['ignore', stdout, 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      cwd,
      detached: true,
    });
  } catch (cause) {
    throw unstartable(cause);
  }
}

function unstartable(cause: unknown): ProgramError {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'E2BIG'
      ? 'its tokens are more than the system hands to a program (E2BIG); give a shorter prompt'
      : code === 'ENOENT'
        ? 'there is no shell (sh), or its folder is gone'
        : String(code);
  return new ProgramError('program-start', `the program of --engine cannot be started: ${why}.`, { cause });
}

/** Of a program that a signal has ended a shell says 128 and its number. */
function outcome(code: number | null, killed: NodeJS.Signals | null): Ended['how'] {
  if (killed) return { signal: killed };
  const name = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128)?.[0];
  return name ? { signal: name } : { code: code ?? 0 };
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}
