import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: 'test/support/shared-cache.ts',
    // For what never ends: with every core busy, cases took a minute that take six seconds alone.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Much of what is tested here is waited for in other processes, and leaves its worker idle.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
  },
});
