import type { Socket } from 'node:net';
import { LlamaCppError } from '../errors.js';
import { LlamaProcess, type ProcessOptions } from './process.js';
import type { Method, Methods } from './protocol.js';

type Open = Methods['open'];

/** llama.cpp's libraries in a process, for whoever opened them, until it is closed. */
export class Lease {
  private closing: Promise<void> | undefined;

  constructor(
    private readonly process: LlamaProcess,
    /** What the libraries say about themselves. */
    readonly library: Open[1],
    private readonly key: string,
  ) {}

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Arrow streams, one for each run. */
  get tensors(): Socket {
    return this.process.tensors;
  }

  /** What sendGiven() writes to. */
  get given(): Socket {
    return this.process.given;
  }

  /** Of a run that rows are given to: no other of this process has it. */
  nextGiven(): number {
    return this.process.nextGiven();
  }

  request<M extends Method>(method: M, parameters: Methods[M][0]): Promise<Methods[M][1]> {
    return this.closing ? Promise.reject(closed()) : this.process.request(method, parameters);
  }

  /** Ends the process, whatever it is doing; leaves it to the next where processes are kept and it is doing nothing. */
  close({ isBusy = false } = {}): Promise<void> {
    this.closing ??= keepers > 0 && !isBusy ? this.leave() : this.process.close(closed());
    return this.closing;
  }

  private async leave(): Promise<void> {
    if (await this.process.vacate()) idle.unshift({ process: this.process, library: this.library, key: this.key });
    else await this.process.close(closed());
    await endAll(idle.splice(keepers > 0 ? mostIdle : 0));
  }
}

const closed = () => new LlamaCppError('llama-closed', 'the reference is closed. Open another one.');

/** One for each of what a comparison opens: llama.cpp, and its other build for the floors. */
const MOST_IDLE = 2;
let mostIdle = MOST_IDLE;
let keepers = 0;
/** The last one left first. */
const idle: { readonly process: LlamaProcess; readonly library: Open[1]; readonly key: string }[] = [];

/**
 * Opens llama.cpp's libraries in a process: in one that was kept, where there is one with the same libraries and the same environment.
 *
 * @throws UnsupportedLibraryError, CrashError; whatever the signal says when it fires
 */
export async function openLibraries(what: Open[0], options: ProcessOptions = {}): Promise<Lease> {
  options.signal?.throwIfAborted();
  const key = JSON.stringify([what, environment()]);
  for (const kept of idle.filter((one) => one.key === key)) {
    idle.splice(idle.indexOf(kept), 1);
    if (kept.process.occupy(options)) return new Lease(kept.process, kept.library, key);
  }
  const started = new LlamaProcess(options);
  try {
    return new Lease(started, await started.request('open', what), key);
  } catch (error) {
    await started.close(closed());
    throw error;
  }
}

/** What a process like ours has of its environment: of this project's variables it reads which build of llama.cpp is wanted. */
const environment = () =>
  Object.entries(process.env).filter(([name]) => !name.startsWith('LLAMA_PROBE_') || name === 'LLAMA_PROBE_CPU');

/**
 * From now on a process that has done its work waits for the next that would be started: to start one takes as long as a short run.
 *
 * @param atMost so many of them, for whoever opens several builds by turns
 * @returns what ends that, and the processes that wait, unless somebody else keeps them too
 * @example
 * const stop = keepProcesses();
 * for (const model of models) await compareAll(model);
 * await stop();
 */
export function keepProcesses(atMost = MOST_IDLE): () => Promise<void> {
  keepers++;
  mostIdle = Math.max(mostIdle, atMost);
  let isOver = false;
  return async () => {
    if (isOver) return;
    isOver = true;
    keepers--;
    if (keepers > 0) return;
    mostIdle = MOST_IDLE;
    await endAll(idle.splice(0));
  };
}

const endAll = (all: readonly { readonly process: LlamaProcess }[]): Promise<unknown> =>
  Promise.all(all.map((one) => one.process.close(closed())));
