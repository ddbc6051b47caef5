/**
 * Runs what depends most on how llama.cpp rounds under another of its CPU builds than this machine's best: what passes under one must pass
 * under all. Where the machine runs builds of one kind only, it says so and runs nothing.
 *
 *   npm run test:other-cpu -- [options of vitest]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openReference, otherBuild } from '@llama-probe/reference';

const FILES = ['test/floors.test.ts', 'test/prove.test.ts', 'test/where.test.ts'];

const root = new URL('../../', import.meta.url);
const model = fileURLToPath(new URL('packages/probe/models/smalltalk-4M-F16.gguf', root));
const reference = await openReference({ model, mode: 'native' });
await reference.close();
const { cpuVariant, cpuVariants } = reference.info;
const build = otherBuild(cpuVariant, cpuVariants);
if (build === undefined) console.log(`${cpuVariant} is the only kind of CPU build that this machine runs`);
else {
  console.log(`llama.cpp's CPU build ${build} instead of ${cpuVariant}`);
  const vitest = fileURLToPath(new URL('node_modules/vitest/vitest.mjs', root));
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...FILES, ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, LLAMA_PROBE_CPU: build },
  });
  process.exitCode = status ?? 1;
}
