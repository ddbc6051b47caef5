import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { inject } from 'vitest';
import { openRun } from '../../src/index.js';
import type { OpenOptions } from '../../src/run.js';

const folder = mkdtempSync(join(inject('temporary'), 'import-'));
let count = 0;

/** A file of these bytes. */
export function fileOf(bytes: Uint8Array | string, ending = ''): string {
  const path = join(folder, `${count++}${ending}`);
  writeFileSync(path, bytes);
  return path;
}

/** A path where nothing is yet. */
export const pathOf = (name: string): string => join(folder, `${count++}-${name}`);

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** What a run has, read to its end. */
export interface Loaded {
  readonly run: RecordedRun;
  /** By layer and stage, such as `0/q_proj`. */
  readonly tensors: Map<string, Tensor>;
}

export async function load(path: string, options: OpenOptions = {}): Promise<Loaded> {
  const run = await openRun(path, options);
  const tensors = new Map<string, Tensor>();
  for await (const tensor of run.tensors()) tensors.set(`${tensor.layer ?? '-'}/${tensor.stage}`, tensor);
  await run.close();
  return { run, tensors };
}

/** What opening or reading it says. */
export const failure = async (path: string, options: OpenOptions = {}): Promise<{ code?: string; message: string }> =>
  load(path, options).then(
    () => ({ message: 'it was read' }),
    (error) => error,
  );
