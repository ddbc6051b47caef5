// Runs before each test file of test/: the files of a worker share its modules, and begin alike all the same.
import { afterAll } from 'vitest';
import { killRunning, sharedCache } from './probe.js';

sharedCache();
afterAll(killRunning);
