import { keepDevices } from '@llama-probe/engine/keep';
import { keepProcesses } from '@llama-probe/reference/keep';
import { afterAll } from 'vitest';

/**
 * To start llama.cpp, and to compile the engine's kernels, takes as long as one of these runs: the processes and devices of this file
 * are used again until it is over, as a command has it.
 */
const stops = [keepProcesses(), keepDevices(2)];
afterAll(() => {
  for (const stop of stops) stop();
});
