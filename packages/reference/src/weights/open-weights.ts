import type { Socket } from 'node:net';
import { LlamaProcess } from '../process/process.js';
import type { WeightRows } from '../process/protocol.js';

/** ggml's type traits in a process of their own: any tensor's bytes as floats. */
export interface GgmlWeights {
  /** llama.cpp's. */
  readonly version: string;
  /** By ggml's number: which types it makes floats of, and which it can make of floats. */
  readonly types: ReadonlyMap<number, { readonly reads: boolean; readonly makes: boolean }>;
  /**
   * Rows of a tensor, which the process reads from the file itself.
   *
   * @param piece.through what is left of them when this type has held them, made row by row without an importance matrix
   * @returns (rows, columns)
   * @throws LlamaCppError `weights-type` where ggml cannot
   */
  rows(piece: WeightRows): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Starts ggml in a child process, without any model.
 *
 * @throws UnsupportedLibraryError, CrashError; whatever the signal says when it fires
 * @example await ggml.rows({ path, offset, type: 8, columns: 2048, rows: 16 }) // 16 rows of Q8_0
 */
export async function openGgmlWeights({
  signal,
  libraries,
}: {
  signal?: AbortSignal | undefined;
  libraries?: string | undefined;
} = {}): Promise<GgmlWeights> {
  const child = new LlamaProcess({ signal });
  try {
    const { version } = await child.request('open', { directory: libraries });
    const types = new Map(await child.request('weightTypes', null));
    let turn: Promise<unknown> = Promise.resolve();
    return {
      version,
      types,
      rows(piece) {
        const rows = turn.then(async () => {
          const floats = new Uint8Array(piece.columns * piece.rows * 4);
          const stop = new AbortController();
          const filled = fill(floats, child.tensors, stop.signal);
          try {
            await child.request('weights', piece); // an error comes before any byte
          } catch (error) {
            stop.abort();
            throw error;
          }
          await filled;
          return new Float32Array(floats.buffer);
        });
        turn = rows.catch(() => {});
        return rows;
      },
      close: () => child.close(),
    };
  } catch (error) {
    await child.close();
    throw error;
  }
}

/** Takes from a pipe until there is no room left. The child waits while nobody takes anything. */
function fill(into: Uint8Array, pipe: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let at = 0;
    const leave = () => {
      pipe.off('readable', take);
      resolve();
    };
    const take = () => {
      while (at < into.length) {
        const chunk: Buffer | null = pipe.read();
        if (!chunk) return;
        into.set(chunk, at);
        at += chunk.length;
      }
      leave();
    };
    signal.addEventListener('abort', leave, { once: true });
    pipe.on('readable', take);
    take();
  });
}
