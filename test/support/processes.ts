import { readdirSync, readFileSync } from 'node:fs';

/** Parent and state (R, S, Z, …) of a process; undefined where there is none. */
function look(pid: number): { parent: number; state: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(parent), state };
  } catch {
    return undefined;
  }
}

/** The processes that a process started. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => look(other)?.parent === pid);
}

/** Whether a process runs; one that has ended and was not fetched yet does not. */
export function isRunning(pid: number): boolean {
  const found = look(pid);
  return found !== undefined && found.state !== 'Z';
}

/** Waits for a condition that something else makes true. The deadline is for what never happens: a busy machine takes its time. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const begin = Date.now();
  while (!condition()) {
    if (Date.now() - begin > 50_000) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
