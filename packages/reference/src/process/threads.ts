import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Below this many parameters the threads wait for each other longer than they compute. */
const TINY = 50e6;

/**
 * How many threads llama.cpp gets: what was asked for, or the physical cores but those that are spared for others; never more
 * than there are, and one for tiny models.
 */
export function chooseThreads(parameters: number, asked?: number, spared = 0): number {
  const available = availableCores();
  if (asked !== undefined) return Math.max(1, Math.min(asked, available));
  return parameters < TINY ? 1 : Math.max(1, Math.min(physicalCores(), available) - spared);
}

/** The cores that this process may use: affinity, and what a container is given. */
export function availableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), containerCores()));
}

function containerCores(): number {
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').split(' ').map(Number);
    return quota && period ? Math.ceil(quota / period) : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function physicalCores(): number {
  try {
    if (process.platform === 'linux') {
      const root = '/sys/devices/system/cpu';
      const siblings = readdirSync(root)
        .filter((name) => /^cpu\d+$/.test(name))
        .map((name) => readFileSync(`${root}/${name}/topology/thread_siblings_list`, 'utf8'));
      return new Set(siblings).size || cpus().length;
    }
    if (process.platform === 'darwin')
      return Number(execFileSync('sysctl', ['-n', 'hw.physicalcpu'], { encoding: 'utf8' }));
  } catch {
    // no such file in this sandbox: count what the system counts
  }
  return process.arch === 'x64' ? Math.ceil(cpus().length / 2) : cpus().length;
}
