import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

const AHEAD = 256 << 10; // bytes
const SOON = 8 << 20; // bytes: a few milliseconds, in which nothing else is done

/** What bytes are read from: a file, or one that is read ahead. */
export interface Source {
  /** As many bytes as there are, at most `length`, from `position` of the file to `offset` of the buffer. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/**
 * A file that is read from front to back in few large steps. A record batch is read in five pieces, most of them of four bytes, and each
 * piece would take a thread of its own. What is longer than the window goes where it is wanted, and no byte is read twice in a row.
 *
 * @example const ahead = new ReadAhead(await open('dumps/reference.arrow')); await ahead.read(bytes, 0, 8, 0);
 */
export class ReadAhead implements Source {
  /** Arrow's reader knows a file by it. */
  readonly fd: number;
  private readonly bytes = Buffer.allocUnsafeSlow(AHEAD);
  /** What of it was read, from `begin` of the file on. */
  private window = this.bytes.subarray(0, 0);
  private begin = 0;

  constructor(private readonly file: FileHandle) {
    this.fd = file.fd;
  }

  stat(): ReturnType<FileHandle['stat']> {
    return this.file.stat();
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number) {
    const bytes = buffer.subarray(offset, offset + length);
    let done = this.copy(bytes, position);
    if (length - done >= AHEAD) {
      done += await this.readInto(bytes.subarray(done), position + done);
    } else if (done < length) {
      this.fill(position + done);
      done += this.copy(bytes.subarray(done), position + done);
    }
    return { bytesRead: done, buffer };
  }

  /** What the window has of it, from its first byte on. @returns how many bytes */
  private copy(bytes: Uint8Array, position: number): number {
    const at = position - this.begin;
    if (at < 0 || at >= this.window.length) return 0;
    const there = this.window.subarray(at, at + bytes.length);
    bytes.set(there);
    return there.length;
  }

  /** At once what is soon read: a thread's memory is new each time, and that costs more than the reading. */
  private async readInto(bytes: Uint8Array, position: number): Promise<number> {
    if (bytes.length <= SOON) return readSync(this.file.fd, bytes, 0, bytes.length, position);
    const { bytesRead } = await this.file.read(bytes, 0, bytes.length, position);
    return bytesRead;
  }

  private fill(position: number): void {
    this.window = this.bytes.subarray(0, readSync(this.file.fd, this.bytes, 0, AHEAD, position));
    this.begin = position;
  }
}
