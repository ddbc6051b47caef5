import { finished } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { damaged, unsupported } from '../errors.js';

const STORED = 0;
const DEFLATED = 8;
/** Activations shrink by a tenth, and zeros to a thousandth: what is both large and shrinks so far is made to fill memory. */
const MOST_RATIO = 100;
const SMALL = 64 << 20; // bytes

/** A zip file whose entries are read one at a time, in pieces where they are stored as they are. */
export class ZipEntries {
  private constructor(
    readonly path: string,
    readonly bytes: number,
    readonly entries: ReadonlyMap<string, Entry>,
    private readonly zip: ZipFile,
  ) {}

  /** @throws DumpError where its directory is damaged, a name leads out of it or comes twice, or an entry would fill memory */
  static async open(path: string): Promise<ZipEntries> {
    let zip: ZipFile | undefined;
    try {
      zip = await openPromise(path, { lazyEntries: true, autoClose: false });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        check(entry, path);
        if (entries.has(entry.fileName)) throw damaged(path, `has ${entry.fileName} twice`);
        entries.set(entry.fileName, entry);
      }
      return new ZipEntries(path, zip.fileSize, entries, zip);
    } catch (error) {
      zip?.close();
      throw asDamaged(error, path);
    }
  }

  /** How many bytes an entry has. */
  sizeOf(name: string): number | undefined {
    return this.entries.get(name)?.uncompressedSize;
  }

  /** Some of an entry's bytes; all of it is held to its checksum. @throws DumpError */
  async read(name: string, from = 0, to = this.sizeOf(name) ?? 0): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.entries.get(name);
    if (!entry) throw damaged(this.path, `has no ${name}`);
    if (from > to || to > entry.uncompressedSize) {
      throw damaged(this.path, `${name} has ${entry.uncompressedSize} bytes, and those at ${from} to ${to} are wanted`);
    }
    const out = new Uint8Array(new ArrayBuffer(to - from));
    if (out.length === 0) return out;
    try {
      const isStored = entry.compressionMethod === STORED;
      // Deflated bytes have to be read from their beginning.
      const stream = await this.zip.openReadStreamPromise(entry, isStored ? { start: from, end: to } : {});
      const begin = isStored ? from : 0;
      let at = begin;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
        out.set(part, Math.max(0, at - from));
        at += chunk.length;
        if (at >= to && to < entry.uncompressedSize) break;
      }
      stream.destroy();
      await finished(stream).catch(() => {});
      if (at < to) throw damaged(this.path, `${name} ends after ${at} of ${entry.uncompressedSize} bytes`);
    } catch (error) {
      throw asDamaged(error, this.path, name);
    }
    if (out.length === entry.uncompressedSize && crc32(out) !== entry.crc32) {
      throw damaged(this.path, `${name} does not have the checksum that it is to have`);
    }
    return out;
  }

  async close(): Promise<void> {
    this.zip.close();
  }
}

function check(entry: Entry, path: string): void {
  const { fileName, compressionMethod, compressedSize, uncompressedSize } = entry;
  if (entry.isEncrypted()) throw unsupported(path, `${fileName} is encrypted`, 'Save it without a password.');
  if (compressionMethod !== STORED && compressionMethod !== DEFLATED) {
    const what = `${fileName} is compressed by method ${compressionMethod}`;
    throw unsupported(path, what, 'Read are stored and deflated entries, as NumPy and PyTorch write them.');
  }
  if (uncompressedSize > SMALL && uncompressedSize > compressedSize * MOST_RATIO) {
    const what = `${fileName} has ${compressedSize} bytes, and would become ${uncompressedSize}`;
    throw unsupported(path, `${what}: no tensor shrinks so far`, 'If it is yours, save it uncompressed (numpy.savez).');
  }
}

/** What yauzl and zlib say, with the file's name. */
function asDamaged(error: unknown, path: string, name?: string): unknown {
  if ((error as { name?: string }).name === 'DumpError') return error;
  const said = (error as Error).message;
  return damaged(
    path,
    name === undefined ? `is a zip file that cannot be read (${said})` : `${name} cannot be read (${said})`,
    error,
  );
}
