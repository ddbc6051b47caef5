import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder in which the runs of all test files keep made models and measured floors. */
    cache: string;
  }
}

/** Makes the cache before the first test file; it is gone after the last. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-cache-'));
  project.provide('cache', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
