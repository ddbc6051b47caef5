import { fork } from 'node:child_process';
import type { AdapterInfo, AdapterKind, Tried } from '@llama-probe/engine/internal';
import type { Found } from './section.js';

/** What a process of its own is to do. */
export interface Asked {
  readonly section: string;
  readonly adapter: AdapterKind | 'auto';
  readonly seed: number;
  readonly until: number;
  readonly pack: string;
  readonly scratch: string;
}

/** What it tells: how far it is, and at last what it found. */
export type Told =
  | { readonly progress: string }
  | { readonly found: Found }
  | {
      readonly adapter: { readonly info: AdapterInfo } | { readonly message: string; readonly tried: readonly Tried[] };
    }
  | { readonly failure: string };

/** It ended before it had answered: the driver crashed. */
interface Crashed {
  readonly crashed: string;
}

type Answer = Exclude<Told, { progress: string }> | Crashed;

/** How long after its time one may go on with what it had begun. */
const GRACE = 12_000;

/**
 * Asks a process of its own, which is ended if it does not answer in time.
 *
 * @returns its answer, or how it ended and what it was doing at last
 */
export function askAlone(
  asked: Asked,
  environment: Readonly<Record<string, string>>,
  say: (progress: string) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = fork(new URL('./child.js', import.meta.url), { env: { ...process.env, ...environment } });
    let last = 'before it began';
    let answer: Answer | undefined;
    let isLate = false;
    const timer = setTimeout(
      () => {
        isLate = true;
        child.kill('SIGKILL');
      },
      Math.max(0, asked.until - Date.now()) + GRACE,
    );
    child.on('message', (told: Told) => {
      if (!('progress' in told)) answer = told;
      else {
        last = told.progress;
        say(last);
      }
    });
    child.on('error', (error) => resolve({ failure: error.message }));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (isLate) resolve(answer ?? { failure: `it gave no answer in time, at: ${last}` });
      else resolve(answer ?? { crashed: `the process ended with ${signal ?? `status ${code}`}, at: ${last}` });
    });
    child.send(asked);
  });
}
