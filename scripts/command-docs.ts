/**
 * Writes the pages about the commands from the commands themselves: docs/commands and packages/probe/man.
 *
 *     node scripts/dist/command-docs.js
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandFiles } from './command-docs/files.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

for (const [path, content] of commandFiles(ROOT)) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), content);
  console.log(path);
}
