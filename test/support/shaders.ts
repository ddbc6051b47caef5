import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { path } from './probe.js';

const SHADERS = fileURLToPath(new URL('../../packages/engine/shaders/', import.meta.url));

/** One change to a kernel: `before` occurs once, and becomes `after`. */
export interface Patch {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** A copy of the engine's shaders with patches in it, for `LLAMA_PROBE_SHADERS`. Each patch must find its text. */
export function brokenShaders(patches: readonly Patch[]): string {
  const folder = path('shaders');
  cpSync(SHADERS, folder, { recursive: true });
  for (const { file, before, after } of patches) {
    const source = readFileSync(join(folder, file), 'utf8');
    const parts = source.split(before);
    expect(parts.length - 1, `times that ${file} has "${before}"`).toBe(1);
    writeFileSync(join(folder, file), parts.join(after));
  }
  return folder;
}
