/**
 * Packs a check of the engine on a GPU into one folder, for a machine that has neither Node nor a network.
 *
 *   npm run gpu-check -- [--out dumps/gpu-check]
 *
 * The folder is carried there, and `./gpu-check` in it says whether every kernel and every architecture is right on that GPU, and how fast it is
 * (docs/gpu-check.md).
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeModels } from './models.js';
import { archive, gatherRuntime, madeFor } from './runtime.js';

const MOST = 60e6; // bytes

const fail = (message: string): never => {
  console.error(message);
  process.exit(2);
};
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: here('../../../dumps/gpu-check') } } });
const out = resolve(values.out);
if (process.platform !== 'linux') {
  fail(`the pack is made on Linux, for Linux; this is ${process.platform}. Run npm test here: it has the same checks.`);
}
if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, 'made-for.txt'))) {
  fail(`--out ${out}: there are files that are no pack. Name a new folder.`);
}

const say = (message: string) => console.log(`  ${message} …`);
const work = mkdtempSync(join(tmpdir(), 'gpu-check-'));
try {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await gatherRuntime(work, say);
  say('packing them');
  await archive(work, join(out, 'runtime.tar.gz'));
  cpSync(here('../../../packages/engine/shaders'), join(out, 'shaders'), { recursive: true });
  await writeModels(join(out, 'models'), say);
  copyFileSync(here('../../gpu-check/start.sh'), join(out, 'gpu-check'));
  chmodSync(join(out, 'gpu-check'), 0o755);
  copyFileSync(here('../../gpu-check/README.txt'), join(out, 'README.txt'));
  writeFileSync(join(out, 'made-for.txt'), `${madeFor()}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
const bytes = readdirSync(out, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
const size = `${(bytes / 1e6).toFixed(1)} MB`;
if (bytes > MOST) fail(`${out} has ${size}, more than ${MOST / 1e6} MB: is there no \`strip\` here?`);
console.log(`${out}: ${size}, for ${madeFor()}\nCarry the folder to the machine, and run ./gpu-check in it.`);
process.exit(); // Dawn and llama.cpp may have threads left
