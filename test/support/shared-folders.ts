import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder in which the runs of all test files keep made models and measured floors. */
    cache: string;
    /** A folder for what test files write that has no life of its own. */
    temporary: string;
  }
}

/** Makes both before the first test file; they are gone after the last. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-tests-'));
  const made = (name: string) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  project.provide('cache', made('cache'));
  project.provide('temporary', made('temporary'));
  return () => rmSync(folder, { recursive: true, force: true });
}
