import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { casesOf, type Matrix } from '../../src/config/cases.js';
import { loadConfig } from '../../src/config/load.js';

/** A folder of this file's tests, which goes when they are done. */
export const folder = mkdtempSync(join(tmpdir(), 'llama-probe-gate-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;

/** A folder with a file in it; the path of the file. */
export function write(name: string, content: string | object): string {
  const own = join(folder, String(++made));
  mkdirSync(own);
  const path = join(own, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The cases of a configuration. */
export const load = async (config: object): Promise<Matrix> =>
  casesOf(await loadConfig(write('probe.config.json', config)));
