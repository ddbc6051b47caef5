import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { News, Request } from './protocol.js';

const GRACE = 4000; // ms: more than the child gives itself
const KEPT = 2000; // characters of what it said last

/** The process that compares, as seen by the one that draws. */
export interface Worker {
  ask(request: Request): void;
  /** Sets the listener for its news; news that came before is handed over first. */
  listen(hear: (news: News) => void): void;
  /** Ends it, in order where it can. */
  stop(): Promise<void>;
}

export function startWorker(): Worker {
  const child = fork(fileURLToPath(new URL('child.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  if (child.pid !== undefined) favour(child.pid);
  let hear: ((news: News) => void) | undefined;
  let early: News[] = [];
  let said = '';
  let isStopping = false;
  const tell = (news: News) => {
    if (hear) hear(news);
    else early.push(news);
  };
  child.on('message', (news) => tell(news as News));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      tell({
        type: 'failed',
        code: 'worker',
        fatal: true,
        message: `The comparing process cannot be started: ${error.message}`,
      });
      resolve();
    });
    child.on('close', (code, signal) => {
      if (!isStopping) tell({ type: 'failed', code: 'worker', fatal: true, message: crashed(code, signal, said) });
      resolve();
    });
  });
  return {
    ask(request) {
      if (child.connected) child.send(request, () => {}); // if it is gone, its end is news of its own
    },
    listen(listener) {
      hear = listener;
      for (const news of early) listener(news);
      early = [];
    },
    stop() {
      isStopping = true;
      return end(child, ended);
    },
  };
}

/** Gives the child a lower priority: if there are not enough cores, the keyboard comes first. */
function favour(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system does not let us: slower keys are no reason not to compare.
  }
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.connected) child.send({ type: 'stop' } satisfies Request, () => {});
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE);
  await ended;
  clearTimeout(timer);
}

function crashed(code: number | null, signal: NodeJS.Signals | null, said: string): string {
  const how = signal ? `it was ended by ${signal}` : `exit code ${code}`;
  const last = said.trim();
  return `The comparing process ended before it was done (${how}). Start the command again, or add --no-tui to see what it says.${
    last ? `\nIts last words:\n${last}` : ''
  }`;
}
