import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { casesOf, type Matrix } from '../../src/config/cases.js';
import { loadConfig } from '../../src/config/load.js';

/** A folder of these tests, which goes when all are done. */
export const folder = mkdtempSync(join(inject('temporary'), 'gate-'));
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
