import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { UsageError } from '../errors.js';
import { readRow, rowBytes, writeRow } from './base-row.js';
import type { ReferenceRows } from './score.js';

const MAGIC = '_logits_';
const HEAD = MAGIC.length + 12;

/** What a file of `llama-perplexity --kl-divergence-base` begins with. */
export interface BaseHead {
  /** How many tokens a window has. */
  readonly window: number;
  readonly vocabulary: number;
  /** Of all windows, one after the other, as the text has them: no BOS is put in. */
  readonly tokens: readonly number[];
}

/** Which positions of a window have a row: the second half, but the last. */
export const scoredIn = (window: number): { readonly first: number; readonly last: number } => ({
  first: Math.floor(window / 2),
  last: window - 2,
});

/** Log-probabilities of a model on a text, as llama.cpp's perplexity tool writes and reads them. */
export class BaseFile implements BaseHead {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly window: number,
    readonly vocabulary: number,
    readonly tokens: readonly number[],
  ) {}

  /** @throws UsageError for a file that is none, or is cut off */
  static async open(path: string): Promise<BaseFile> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--base: ${path} cannot be read (${error.code}).`);
    });
    try {
      const { size } = await file.stat();
      const head = await bytesAt(file, 0, HEAD);
      if (head.toString('latin1', 0, MAGIC.length) !== MAGIC)
        throw new UsageError(
          `--base: ${path} is no file of log-probabilities: it does not begin with ${MAGIC}. Wanted what llama-perplexity --kl-divergence-base or --save-base writes.`,
        );
      if (head.length < HEAD) throw cutOff(path, size, HEAD);
      const [window, vocabulary, count] = [0, 4, 8].map((at) => head.readInt32LE(MAGIC.length + at)) as [
        number,
        number,
        number,
      ];
      if (window < 3 || vocabulary < 1 || count < 1)
        throw new UsageError(
          `--base: ${path} says that it has ${count} windows of ${window} tokens and ${vocabulary} ids; wanted at least one, of 3 tokens. It is damaged.`,
        );
      const rows = window - 1 - Math.floor(window / 2);
      const wanted = HEAD + 4 * window * count + rows * count * rowBytes(vocabulary);
      if (size < wanted) throw cutOff(path, size, wanted);
      const bytes = await bytesAt(file, HEAD, 4 * window * count);
      const tokens = Array.from({ length: window * count }, (_, i) => bytes.readInt32LE(4 * i));
      return new BaseFile(path, file, window, vocabulary, tokens);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The rows of a window. */
  async rows(index: number): Promise<ReferenceRows> {
    const { first, last } = scoredIn(this.window);
    const { vocabulary } = this;
    const size = rowBytes(vocabulary);
    const length = (last - first + 1) * size;
    const bytes = await bytesAt(this.file, HEAD + 4 * this.tokens.length + index * length, length);
    return {
      width: vocabulary,
      get(position) {
        if (position < first || position > last) return undefined;
        return readRow(bytes.subarray((position - first) * size, (position - first + 1) * size), vocabulary);
      },
    };
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** Writes such a file, window by window; it has its name when it is whole. */
export class BaseWriter {
  private constructor(
    private readonly path: string,
    private readonly partial: string,
    private readonly file: FileHandle,
    private readonly window: number,
  ) {}

  /** @throws UsageError where nothing can be written there */
  static async open(path: string, { window, vocabulary, tokens }: BaseHead): Promise<BaseWriter> {
    const partial = `${path}.${process.pid}.part`;
    const file = await open(partial, 'w').catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`--save-base: ${path} cannot be written (${error.code}).`);
    });
    const head = Buffer.alloc(HEAD + 4 * tokens.length);
    head.write(MAGIC, 'latin1');
    for (const [i, value] of [window, vocabulary, tokens.length / window, ...tokens].entries())
      head.writeInt32LE(value, MAGIC.length + 4 * i);
    await file.write(head);
    return new BaseWriter(path, partial, file, window);
  }

  /** @param rows the logits of the next window, by position */
  async add(rows: ReadonlyMap<number, Float32Array>): Promise<void> {
    const { first, last } = scoredIn(this.window);
    for (let position = first; position <= last; position++)
      await this.file.write(writeRow(rows.get(position) as Float32Array));
  }

  async close(): Promise<void> {
    await this.file.close();
    await rename(this.partial, this.path);
  }

  async abort(): Promise<void> {
    await this.file.close();
    await rm(this.partial, { force: true });
  }
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

const cutOff = (path: string, size: number, wanted: number): UsageError =>
  new UsageError(
    `--base: ${path} is cut off: it has ${size} bytes, and what it says it has takes ${wanted}. Make it again.`,
  );
