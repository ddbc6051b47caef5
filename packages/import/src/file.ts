import type { FileHandle } from 'node:fs/promises';
import { DumpError, openFile } from '@llama-probe/dump';
import { damaged } from './errors.js';

/** Bytes that are all to be written: zeros in a large piece would cost several times what reading it does. */
export const unfilled = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);

/** Memory for one tensor after another. A system gives new memory at the price of several times what reading into it costs. */
export class Room {
  private bytes = new Uint8Array(new ArrayBuffer(0));

  /** What was taken before is written over. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.bytes.length < length) this.bytes = unfilled(length);
    return new Uint8Array(this.bytes.buffer, 0, length);
  }
}

/** A file that is read in pieces, by several readers at once. */
export class PieceFile {
  private constructor(
    readonly path: string,
    readonly bytes: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<PieceFile> {
    const handle = await openFile(path);
    const stat = await handle.stat();
    if (stat.isFile()) return new PieceFile(path, stat.size, handle);
    await handle.close();
    throw new DumpError('dump-not-arrow', `${path}: is a device or a pipe; wanted a file or a folder.`);
  }

  /** Exactly these bytes, in a buffer of their own or in one that is used again. @throws DumpError `dump-damaged` where the file ends before, without allocating */
  async read(offset: number, length: number, room?: Room): Promise<Uint8Array<ArrayBuffer>> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes)) {
      throw damaged(this.path, `it ends at byte ${this.bytes}, and ${length} bytes are to be at ${offset}`);
    }
    const bytes = room?.take(length) ?? unfilled(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await this.handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) throw damaged(this.path, `it ended at byte ${offset + at} while it was read`);
      at += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
