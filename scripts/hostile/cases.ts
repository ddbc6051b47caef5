import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { llamaConfig, llamaTensors, openGguf } from '@llama-probe/engine/internal';
import { randomFrom } from '@llama-probe/testing';
import { runCli } from 'llama-probe/internal';
import { complaints, type Ended } from './complaints.js';
import { dumpMaker } from './dumps.js';
import { foreignCommand, foreignFormats, writeForeign } from './foreign.js';
import { hostileModel } from './models.js';
import { pick, type Random } from './mutations.js';

/** What came of a file: how it ended, and what is wrong with that. */
export interface Outcome {
  /** An exit code, the code of an error, or `read`. */
  readonly kind: string;
  readonly complaints: readonly string[];
  /** What was run, where that was a command. */
  readonly args?: readonly string[];
}

/** One way to try files: makes the file of a number, and says what came of it. */
export type Cases = (index: number, seed: number) => Promise<Outcome>;

/** Numbers of one case, whichever were made before it. */
export const randomOf = (seed: number, index: number): Random => randomFrom((seed * 1_000_003 + index * 7919) | 0);

/** The same for the same seed and number, so that a case can be had again. */
export function modelCases(folder: string): Cases {
  const path = join(folder, 'hostile.gguf');
  return async (index, seed) => {
    writeFileSync(path, hostileModel(randomOf(seed, index)));
    try {
      const file = await openGguf(path);
      llamaTensors(file, llamaConfig(file));
      return { kind: 'read', complaints: [] };
    } catch (error) {
      return refusal(error, path);
    }
  };
}

function refusal(error: unknown, path: string): Outcome {
  const { name, code, message = String(error) } = error as Partial<Error> & { code?: string };
  if (name !== 'ModelError') return { kind: String(name), complaints: [`an error of JavaScript: ${message}`] };
  const missing = message.includes(path) ? [] : ['a message that does not name the file'];
  return {
    kind: String(code),
    complaints: [
      ...missing,
      ...complaints({ code: 2, stdout: 'a', stderr: message }).filter(
        (one) => !one.startsWith('a control') && !one.startsWith('a line'),
      ),
    ],
  };
}

/** Each command that reads a dump, in this process. */
export function dumpCases(folder: string): Cases {
  const made = dumpMaker();
  process.on('exit', made.close);
  const [path, healthy] = [join(folder, 'hostile.arrow'), join(folder, 'healthy.arrow')];
  writeFileSync(healthy, made.healthy);
  return async (index, seed) => {
    const random = randomOf(seed, index);
    writeFileSync(path, made.hostile(random));
    const args = dumpCommand(path, healthy, random);
    const ended = await runHere(args);
    return { kind: `${args[0]} ${ended.code}`, complaints: complaints(ended, args), args };
  };
}

/** Each command that reads what other programs write, one format after the other. */
export function foreignCases(folder: string): Cases {
  const made = dumpMaker();
  process.on('exit', made.close);
  const healthy = join(folder, 'healthy.arrow');
  writeFileSync(healthy, made.healthy);
  let formats: ReturnType<typeof foreignFormats> | undefined;
  return async (index, seed) => {
    formats ??= foreignFormats(folder);
    const random = randomOf(seed, index);
    const all = await formats;
    const format = all[index % all.length] as (typeof all)[number];
    const path = writeForeign(folder, format, random);
    const args = foreignCommand(path, healthy, folder, random);
    const ended = await runHere(args);
    return { kind: `${format.name.split(/[/=]/)[0]} ${ended.code}`, complaints: complaints(ended, args), args };
  };
}

/** A command that reads a dump. */
export function dumpCommand(path: string, healthy: string, random: Random): string[] {
  const both = random() < 0.8 ? [path, healthy] : [healthy, path];
  return pick(random, [
    ['inspect', path],
    ['inspect', path, '--json', '--values', '2'],
    ['inspect', path, '--step', '0', '--values', '9'],
    ['check', path],
    ['check', path, '--json'],
    ['diff', ...both],
    ['diff', ...both, '--strict'],
    ['diff', ...both, '--json'],
    ['diff', ...both, pick(random, ['--markdown', '--junit', '--csv', '--html']), '-'],
    ['diff', ...both, '--github'],
  ]);
}

/** Runs a command as packages/probe/src/main.ts does, and gives what it has printed. */
async function runHere(args: readonly string[]): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const names = ['stdout', 'stderr'] as const;
  const writes = names.map((name) => process[name].write);
  for (const name of names) {
    process[name].write = ((chunk: string | Uint8Array, ...more: unknown[]) => {
      said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      const done = more.at(-1);
      if (typeof done === 'function') done();
      return true;
    }) as typeof process.stdout.write;
  }
  try {
    const code = await runCli(args);
    return { code, ...said };
  } finally {
    for (const [i, name] of names.entries()) process[name].write = writes[i] as typeof process.stdout.write;
  }
}
