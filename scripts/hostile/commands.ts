import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cases, dumpCommand, randomOf } from './cases.js';
import { complaints, type Ended } from './complaints.js';
import { dumpMaker } from './dumps.js';
import { hostileModel } from './models.js';
import { pick } from './mutations.js';

const PROBE = fileURLToPath(new URL('../../../packages/probe/bin/probe.js', import.meta.url));

/** The command as a user starts it: models through llama.cpp and through both sides, and dumps. */
export function commandCases(folder: string): Cases {
  const made = dumpMaker();
  process.on('exit', made.close);
  const [model, path, healthy] = ['hostile.gguf', 'hostile.arrow', 'healthy.arrow'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(healthy, made.healthy);
  const out = ['--out', join(folder, 'out.arrow')];
  const short = ['--model', model, '--tokens', '1,2', '--steps', '0'];
  return async (index, seed) => {
    const random = randomOf(seed, index);
    const isModel = random() < 0.75;
    if (isModel) writeFileSync(model, hostileModel(random));
    else writeFileSync(path, made.hostile(random));
    const args = !isModel
      ? dumpCommand(path, healthy, random)
      : pick(random, [
          ['capture', '--from', 'llama', '--reference', 'native', ...short, ...out],
          ['capture', '--from', 'llama', '--reference', 'exact', ...short, ...out],
          ['capture', '--from', 'llama', '--reference', 'native', '--model', model, '--prompt', 'hello', ...out],
          ['compare', ...short],
          ['compare', '--model', model, '--tokens', '1,2,3', '--steps', '2', '--no-floors'],
          ['compare', ...short, '--exact-by', 'block', '--stream'],
          ['weights', '--model', model],
        ]);
    const ended = await runAlone(args, folder);
    return { kind: `${args[0]} ${ended.code}`, complaints: complaints(ended, args), args };
  };
}

async function runAlone(args: readonly string[], folder: string): Promise<Ended> {
  const env = { ...process.env, LLAMA_PROBE_CACHE: join(folder, 'cache'), NODE_OPTIONS: '--max-old-space-size=512' };
  const child = spawn(process.execPath, [PROBE, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}
