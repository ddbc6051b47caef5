import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LlamaCppError } from '../errors.js';
import { openLibraries } from '../process/lease.js';
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
   * @param piece.through what is left of them when this type has held them, made row by row, with all columns alike where ggml wants an importance matrix
   * @param into where they are to be; memory of their own without it
   * @returns (rows, columns)
   * @throws LlamaCppError `weights-type` where ggml cannot
   */
  rows(piece: WeightRows, into?: Float32Array): Promise<Float32Array>;
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
  const child = await openLibraries({ directory: libraries }, { signal });
  let passed: Passed | undefined;
  try {
    const { version } = child.library;
    const types = new Map(await child.request('weightTypes', null));
    const file = await Passed.open();
    passed = file;
    let turn: Promise<unknown> = Promise.resolve();
    return {
      version,
      types,
      rows(piece, into) {
        const rows = turn.then(async () => {
          await child.request('weights', { ...piece, into: file.path });
          return file.read(piece.columns * piece.rows, into);
        });
        turn = rows.catch(() => {});
        return rows;
      },
      async close() {
        await child.close();
        await file.close();
      },
    };
  } catch (error) {
    await passed?.close();
    await child.close();
    throw error;
  }
}

/** A temporary file that one piece after the other is passed in: its bytes stay in memory, and a pipe takes ten times as long. */
class Passed {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async open(): Promise<Passed> {
    const path = join(tmpdir(), `llama-probe-${process.pid}-${randomUUID()}.f32`);
    try {
      return new Passed(path, await open(path, 'wx+'));
    } catch (cause) {
      throw new LlamaCppError(
        'temporary-unwritable',
        `${path}: cannot be written (${(cause as NodeJS.ErrnoException).code}). Set TMPDIR to a folder that you may write to.`,
        { cause },
      );
    }
  }

  async read(count: number, into: Float32Array = new Float32Array(count)): Promise<Float32Array> {
    const values = into.subarray(0, count);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.file.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) throw new LlamaCppError('internal', `${this.path} is shorter than what was written to it`);
      at += bytesRead;
    }
    return values;
  }

  async close(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true });
  }
}
