import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@llama-probe/comparison/ask';
import { makeDirectory } from '@llama-probe/dump/files';
import { writeWhole } from '@llama-probe/report';

/** How the README of every test begins; a folder whose README does not is somebody else's. */
export const HEADING = '# Repro: ';

const README = 'README.md';
const OURS = /^(README\.md|check\.(py|rs|cpp|mjs)|.+\.npy)$/;

/** @throws UsageError where a folder has other things in it, so that nothing of anybody's is overwritten */
export function checkFolder(path: string): void {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) throw new UsageError(`--out: ${path} is a file; name a folder, which is made.`);
  const names = readdirSync(path);
  if (names.length === 0 || isOurs(path, names)) return;
  throw new UsageError(`--out: ${path} has ${names.length} files that are of no earlier test; name another folder.`);
}

const isOurs = (path: string, names: readonly string[]): boolean =>
  names.includes(README) && readFileSync(join(path, README), 'utf8').startsWith(HEADING);

/** Writes the files of a test, in the place of those of an earlier one. @throws UsageError where that cannot be */
export function writeFolder(path: string, files: ReadonlyMap<string, string | Uint8Array>): void {
  try {
    makeDirectory(path);
    for (const name of readdirSync(path)) if (OURS.test(name) && !files.has(name)) rmSync(join(path, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(`--out: ${path} cannot be made (${code}); name a folder that you may write to.`);
  }
  for (const [name, content] of files) writeWhole('--out', join(path, name), content);
}
