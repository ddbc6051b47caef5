import { afterAll } from 'vitest';
import { keepProcesses } from '../../src/process/lease.js';

/** To start llama.cpp takes as long as one of these runs: the processes of this file are used again until it is over. */
afterAll(keepProcesses());
