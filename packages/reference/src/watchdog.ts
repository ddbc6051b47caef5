import { workerData } from 'node:worker_threads';

/** Ends this process once its parent is gone, however the parent ended. */

const parent = workerData as number;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

setInterval(() => {
  // orphans get another parent; Windows keeps the old number
  if (process.ppid !== parent || !isAlive(parent)) process.kill(process.pid, 'SIGKILL');
}, 250);
