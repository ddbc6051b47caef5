import { type ChildProcess, fork } from 'node:child_process';
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bothOf, CACHE, type Ended, isInherited, jsonOf, path, TEMPORARY } from './probe.js';
import { brokenShaders } from './shaders.js';

const SCRIPT = fileURLToPath(new URL('session.mjs', import.meta.url));

export interface SessionOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A process that runs one command line after another: what the command does, without what it takes to start it. llama.cpp's
 * process is kept for the next command too, as it is within one (keepProcesses). For what ends by itself; signals, a terminal and standard output elsewhere take `probe`.
 */
class Session {
  private readonly child: ChildProcess;
  /** Shaders are looked for where they were when the process began, and read anew by each command. */
  private readonly shaders = path('session-shaders');
  private readonly healthy = brokenShaders([]);
  private last: Promise<unknown> = Promise.resolve();

  constructor(nodeOptions: string) {
    const inherited = Object.entries(process.env).filter(([name]) => isInherited(name));
    const own = { TMPDIR: TEMPORARY, LLAMA_PROBE_SHADERS: this.shaders };
    this.child = fork(SCRIPT, {
      env: { ...Object.fromEntries(inherited), ...own, NODE_OPTIONS: nodeOptions },
      // V8's: a function is compiled anew when it has run long, and here most have not. A sixth of what commands compute, no bit of what they say.
      execArgv: ['--interrupt-budget=1000000'],
    });
    // It does not keep its worker alive, and ends with it.
    this.child.unref();
    this.child.channel?.unref();
  }

  /** Not so where a command has taken the process with it. */
  get isOpen(): boolean {
    return this.child.connected;
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
      this.child.send({ args, env: { LLAMA_PROBE_CACHE: CACHE, ...env } });
    });
  }
}

/** By their options of Node. They end with this worker, whose test files share them. */
const sessions = new Map<string, Session>();

/** Runs a command to its end, in the process that runs all such commands of this worker. */
export function probe(args: readonly string[], { env = {} }: SessionOptions = {}): Promise<Ended> {
  const { NODE_OPTIONS = '', ...others } = env;
  let session = sessions.get(NODE_OPTIONS);
  if (!session?.isOpen) {
    session = new Session(NODE_OPTIONS);
    sessions.set(NODE_OPTIONS, session);
  }
  return session.run(args, others);
}

export const probeJson = jsonOf(probe);
export const probeBoth = bothOf(probe);
