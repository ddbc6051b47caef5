import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Packages whose tests open no device and no llama.cpp: a module that many of their files import is read once by each worker. */
const PURE = ['diff', 'dump', 'gate', 'import', 'oracle', 'page', 'report', 'terminal'].map(
  (name) => `packages/${name}/test/**/*.test.ts`,
);

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      {
        extends: true,
        test: {
          name: 'runs',
          include: ['packages/*/test/**/*.test.ts'],
          exclude: PURE,
          // Mesa's: on small shapes a kernel takes longer to compile than to run. The commands run them as users do.
          env: { GALLIVM_PERF: 'nopt' },
        },
      },
      // The files of a worker run their commands in one process (test/support/session.ts).
      {
        extends: true,
        test: {
          name: 'commands',
          include: ['test/**/*.test.ts'],
          isolate: false,
          setupFiles: 'test/support/each-file.ts',
          sequence: { groupOrder: 1 },
        },
      },
    ],
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    // Mesa's: as many processes as there are cores compute already, and threads of theirs would wait for each other.
    env: { LP_NUM_THREADS: '0' },
    globalSetup: 'test/support/shared-folders.ts',
    // For what never ends: with every core busy, cases took a minute that take six seconds alone.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // Much of what is tested here is waited for in other processes, and leaves its worker idle.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
  },
});
