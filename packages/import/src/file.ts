import type { FileHandle } from 'node:fs/promises';
import { DumpError, openFile } from '@llama-probe/dump';
import { damaged } from './errors.js';

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

  /** Exactly these bytes, in a buffer of their own. @throws DumpError `dump-damaged` where the file ends before, without allocating */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes)) {
      throw damaged(this.path, `it ends at byte ${this.bytes}, and ${length} bytes are to be at ${offset}`);
    }
    const bytes = new Uint8Array(new ArrayBuffer(length));
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
