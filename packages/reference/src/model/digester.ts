import { parentPort, workerData } from 'node:worker_threads';
import { digest } from './digest.js';

/** Hashes files in a thread of its own. */
parentPort?.postMessage(digest(workerData as readonly string[]));
