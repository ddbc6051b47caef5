import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { bothOf, CACHE, type Ended, isInherited, jsonOf, path, TEMPORARY } from './probe.js';
import { brokenShaders } from './shaders.js';

const SCRIPT = fileURLToPath(new URL('session.mjs', import.meta.url));

export interface SessionOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A process that runs one command line after another: what the command does, without what it takes to start it. llama.cpp still gets a
 * process of its own each time. For what ends by itself; signals, a terminal and standard output elsewhere take `probe`.
 */
class Session {
  private readonly child: ChildProcess;
  /** Shaders are looked for where they were when the process began, and read anew by each command. */
  private readonly shaders = path('session-shaders');
  private readonly healthy = brokenShaders([]);
  private last: Promise<unknown> = Promise.resolve();

  constructor(nodeOptions: string) {
    const inherited = Object.entries(process.env).filter(([name]) => isInherited(name));
    const own = { LLAMA_PROBE_CACHE: CACHE, TMPDIR: TEMPORARY, LLAMA_PROBE_SHADERS: this.shaders };
    this.child = fork(SCRIPT, {
      env: { ...Object.fromEntries(inherited), ...own, NODE_OPTIONS: nodeOptions },
      execArgv: [],
    });
  }

  run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
    const ended = this.last.then(() => this.next(args, env));
    this.last = ended.catch(() => {});
    return ended;
  }

  private next(
    args: readonly string[],
    { LLAMA_PROBE_SHADERS = this.healthy, ...env }: Readonly<Record<string, string>>,
  ): Promise<Ended> {
    cpSync(LLAMA_PROBE_SHADERS, this.shaders, { recursive: true });
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error(`the process that runs the commands has ended, at ${args.join(' ')}`));
      this.child.once('exit', onExit);
      this.child.once('message', (ended: Ended) => {
        this.child.off('exit', onExit);
        resolve(ended);
      });
      this.child.send({ args, env });
    });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}

const sessions = new Map<string, Session>();
afterAll(async () => {
  await Promise.all([...sessions.values()].map((session) => session.end()));
});

/** Runs a command to its end, in the process that runs all such commands of a test file. */
export function probe(args: readonly string[], { env = {} }: SessionOptions = {}): Promise<Ended> {
  const { NODE_OPTIONS = '', ...others } = env;
  const session = sessions.get(NODE_OPTIONS) ?? new Session(NODE_OPTIONS);
  sessions.set(NODE_OPTIONS, session);
  return session.run(args, others);
}

export const probeJson = jsonOf(probe);
export const probeBoth = bothOf(probe);
