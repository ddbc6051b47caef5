import { afterAll } from 'vitest';
import { keepDevices } from '../../src/adapter/keep.js';

/** To compile its kernels takes longer than one of these runs: the device of an engine, of each adapter, is the next one's until the file is over. */
afterAll(keepDevices(2));
