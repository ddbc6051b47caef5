import { keepProcesses } from '@llama-probe/reference/keep';
import { afterAll } from 'vitest';

/** To start llama.cpp takes as long as one of these runs: the processes of this file are used again until it is over. */
afterAll(keepProcesses());
