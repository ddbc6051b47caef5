import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Tensor } from '@llama-probe/dump';
import { LlamaCppError } from '../errors.js';

/**
 * How given rows (`RunOptions.from`) come to the child through FROM_PIPE: frames of a header in JSON, after its length as a uint32, and the
 * rows as float32. Not Arrow, whose readers are asynchronous: the child reads inside llama.cpp's callback, which cannot wait
 * for anything that is.
 *
 * Each frame has the number of its run: what a run that ended early has not read is passed over by the next one.
 */
interface Header {
  readonly run: number;
  /** The rows' place; without one the stream has ended, or failed. */
  readonly at?: Omit<Tensor, 'positions' | 'values'> & { readonly positions: readonly number[] };
  readonly failed?: true;
}

/**
 * Sends given rows as fast as the child takes them, until they end or the run does, and leaves them.
 *
 * @param ended settles with the run, and never rejects
 * @throws what the rows throw, after the child was told
 */
export async function sendGiven(
  from: AsyncIterable<Tensor>,
  pipe: Socket,
  run: number,
  ended: Promise<void>,
): Promise<void> {
  const source = from[Symbol.asyncIterator]();
  let over = false;
  let wake = () => {};
  void ended.then(() => {
    over = true;
    wake();
  });
  // Not Promise.race: `ended` would keep the outcome of every race, which is all rows, until the run ends.
  const unlessOver = <T>(promise: Promise<T>): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      wake = () => resolve(undefined);
      promise.then(resolve, reject);
    });
  try {
    for (;;) {
      const next = await unlessOver(source.next());
      if (over || !next) break;
      if (next.done) return void send(pipe, { run });
      const { values, positions, ...at } = next.value;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const taken = send(pipe, { run, at: { ...at, positions: [...positions] } }, bytes);
      if (!taken) await unlessOver(drained(pipe));
      if (over) break;
    }
  } catch (error) {
    send(pipe, { run, failed: true });
    throw error;
  }
  void Promise.resolve(source.return?.()).catch(() => {}); // not awaited: it may wait for what never comes
}

/** @returns false where the pipe is full: wait until it has drained. */
function send(pipe: Socket, header: Header, values?: Uint8Array): boolean {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  pipe.cork();
  pipe.write(length);
  const taken = pipe.write(text);
  const all = values ? pipe.write(values) : taken;
  pipe.uncork();
  return all;
}

const drained = (pipe: Socket): Promise<void> => new Promise((resolve) => pipe.once('drain', resolve));

/** Reads the given rows of one run, in the child: llama.cpp waits meanwhile. */
export class GivenReader {
  private ended = false;

  constructor(
    private readonly descriptor: number,
    private readonly run: number,
  ) {}

  /** The next rows; undefined at their end. @throws LlamaCppError `from-failed` */
  next(): Tensor | undefined {
    while (!this.ended) {
      const { run, at, failed } = this.header();
      const positions = Int32Array.from(at?.positions ?? []);
      const values = new Float32Array(positions.length * (at?.width ?? 0));
      this.fill(new Uint8Array(values.buffer));
      if (run !== this.run) continue;
      if (at) return { ...at, positions, values };
      this.ended = true;
      if (failed) throw new LlamaCppError('from-failed', 'the rows to go on from ended with an error.');
    }
    return undefined;
  }

  private header(): Header {
    const length = Buffer.alloc(4);
    this.fill(length);
    const text = Buffer.alloc(length.readUInt32LE());
    this.fill(text);
    return JSON.parse(text.toString());
  }

  private fill(bytes: Uint8Array): void {
    for (let got = 0; got < bytes.length; ) {
      try {
        const count = readSync(this.descriptor, bytes, got, bytes.length - got, null);
        if (count === 0) throw new LlamaCppError('from-failed', 'the rows to go on from ended in the middle.');
        got += count;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(NOTHING, 0, 0, 0.1); // ms; the descriptor is shared with nobody, but Node makes it non-blocking
      }
    }
  }
}

const NOTHING = new Int32Array(new SharedArrayBuffer(4));
