import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process costs, with all that it starts. */
export interface Cost {
  /** Seconds of CPU, user and system. */
  readonly cpu: number;
  /** Seconds by the clock. */
  readonly clock: number;
  /** Bytes: the most that all of its processes had in memory at once, what they share counted in each. */
  readonly peak: number;
  readonly stdout: string;
}

const EVERY = 40; // milliseconds, between two looks at the memory

/** Runs `node` with these arguments and waits for it. Linux only. @throws Error where it does not exit with 0 */
export async function costOf(args: readonly string[]): Promise<Cost> {
  const [begin, before] = [performance.now(), cpuOfChildren()];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  }
  let peak = 0;
  const looking = setInterval(() => {
    peak = Math.max(peak, memoryOf(child.pid as number));
  }, EVERY);
  const status = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(looking);
  if (status !== 0) throw new Error(`"${args.join(' ')}" ended with ${status}\n${said.stderr}`);
  return {
    cpu: cpuOfChildren() - before,
    clock: (performance.now() - begin) / 1000,
    peak,
    stdout: said.stdout,
  };
}

/** Fields of a process's stat after its name, from its state on; undefined where it has ended. */
function statOf(pid: number | string): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Seconds of all processes that this one, or one of its children, has waited for. */
function cpuOfChildren(): number {
  const fields = statOf('self') as string[];
  return (Number(fields[13]) + Number(fields[14])) / 100; // cutime and cstime, in ticks
}

/** Resident bytes of a process and all below it. */
function memoryOf(root: number): number {
  const parents = new Map<number, { parent: number; bytes: number }>();
  for (const name of readdirSync('/proc')) {
    const fields = /^\d/.test(name) ? statOf(name) : undefined;
    if (fields) parents.set(Number(name), { parent: Number(fields[1]), bytes: Number(fields[21]) * 4096 });
  }
  const isBelow = (pid: number): boolean => pid === root || (pid > 1 && isBelow(parents.get(pid)?.parent ?? 0));
  return [...parents].reduce((sum, [pid, { bytes }]) => sum + (isBelow(pid) ? bytes : 0), 0);
}
