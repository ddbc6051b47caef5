import { workerData } from 'node:worker_threads';
import { isAlive } from '@llama-probe/dump/files';

/** Ends this process once its parent is gone, however the parent ended. */

const parent = workerData as number;

setInterval(() => {
  // orphans get another parent; Windows keeps the old number
  if (process.ppid !== parent || !isAlive(parent)) process.kill(process.pid, 'SIGKILL');
}, 250);
