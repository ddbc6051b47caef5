/** Tries files of one kind in a process of its own: it may hang, or fall. Its parent is told of each case before it begins. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Cases, Outcome } from './cases.js';

export type Kind = keyof typeof KINDS;
/** What it is started with. */
export interface Part {
  readonly kind: Kind;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}
/** What it says: where it is, and what came of it. */
export type News =
  | { readonly at: number }
  | { readonly index: number; readonly outcome: Outcome }
  | { readonly memory: number };

/** Does what none of the files may do, so that it can be seen that it would be seen. */
const broken: Cases = async (index) => {
  if (index === 1) while (true);
  if (index === 2) process.exit(1);
  if (index === 3) void Promise.reject(new Error('nobody hears this'));
  if (index === 4) throw new TypeError('Cannot read properties of undefined');
  return { kind: 'read', complaints: index === 5 ? ['what a file may not do'] : [] };
};

/** Read by who needs them: each process that falls is followed by another. */
const KINDS = {
  models: async (folder) => (await import('./cases.js')).modelCases(folder),
  dumps: async (folder) => (await import('./cases.js')).dumpCases(folder),
  foreign: async (folder) => (await import('./cases.js')).foreignCases(folder),
  commands: async (folder) => (await import('./commands.js')).commandCases(folder),
  broken: async () => broken,
} satisfies Record<string, (folder: string) => Promise<Cases>>;

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-hostile-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.setMaxListeners(0); // each command listens for signals
process.on('disconnect', () => process.exit(2));
const tell = (news: News) => new Promise<void>((resolve) => process.send?.(news, () => resolve()));

process.once('message', async ({ kind, seed, from, to }: Part) => {
  const run = await KINDS[kind](folder);
  for (let index = from; index < to; index++) {
    await tell({ at: index });
    let outcome: Outcome;
    try {
      outcome = await run(index, seed);
    } catch (error) {
      outcome = {
        kind: 'thrown',
        complaints: [`an error that nobody caught: ${(error as Error).stack?.split('\n').slice(0, 3).join(' | ')}`],
      };
    }
    await setImmediate(); // what was rejected and is waited for by nobody is told of now
    await tell({ index, outcome });
  }
  await tell({ memory: process.resourceUsage().maxRSS / 1024 });
  process.exit(0);
});
