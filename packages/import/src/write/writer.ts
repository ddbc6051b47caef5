import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DigestWriter, DumpError, type DumpMetadata, DumpWriter, type Tensor, writeError } from '@llama-probe/dump';
import { makeDirectory, newPartial } from '@llama-probe/dump/files';
import { unsupported } from '../errors.js';
import { writeNpz } from './npz.js';
import { writeSafetensors } from './safetensors.js';
import { Spool } from './spool.js';

/** Writes a run, a tensor at a time; the file is there once it is whole. */
export interface RunWriter {
  readonly path: string;
  readonly bytes: number;
  write(tensor: Tensor): void;
  close(metadata: DumpMetadata): void | Promise<void>;
  /** Removes what was written so far; nothing once it is closed. */
  abort(): void;
}

const FORMATS = { '.safetensors': writeSafetensors, '.npz': writeNpz } as const;

/** The format of arrays that a file is to have by its name; undefined for a dump of ours. */
export function arraysFormat(path: string): keyof typeof FORMATS | undefined {
  return (Object.keys(FORMATS) as (keyof typeof FORMATS)[]).find((ending) => path.toLowerCase().endsWith(ending));
}

/**
 * What writes a run to this file: a dump of ours, or arrays in another format where the name ends so. Those have no steps, floors or metadata of ours; what was run is
 * their array `tokens`.
 *
 * @throws DumpError where it cannot be written
 */
export function runWriter(path: string): RunWriter {
  const format = arraysFormat(path);
  return format ? new ArraysWriter(path, FORMATS[format]) : new DumpWriter(path);
}

/**
 * What writes a hash of each row in place of its values.
 *
 * @param heads of the scores, where they are known
 * @throws DumpError where the name is that of a file of arrays
 */
export function digestWriter(path: string, heads: number | undefined): RunWriter {
  checkDigestPath(path);
  return new DigestWriter(path, heads);
}

/** @throws DumpError where hashes are to go into a file of arrays */
export function checkDigestPath(path: string): void {
  const format = arraysFormat(path);
  if (format)
    throw unsupported(path, `--digest writes hashes, and a ${format} file has arrays`, 'Name an .arrow file.');
}

class ArraysWriter implements RunWriter {
  bytes = 0;
  private readonly spool: Spool;
  private readonly partial: string;
  private isOpen = true;
  private readonly onExit = () => this.abort();

  constructor(
    readonly path: string,
    private readonly format: (typeof FORMATS)[keyof typeof FORMATS],
  ) {
    this.partial = newPartial(path);
    try {
      makeDirectory(dirname(path));
      this.spool = new Spool(path);
    } catch (error) {
      throw writeError(path, error);
    }
    process.once('exit', this.onExit);
  }

  write(tensor: Tensor): void {
    try {
      this.spool.add(tensor);
    } catch (error) {
      throw this.failed(error);
    }
  }

  async close(metadata: DumpMetadata): Promise<void> {
    try {
      await this.spool.check(metadata);
      await this.format(this.spool, metadata, createWriteStream(this.partial));
      this.bytes = statSync(this.partial).size;
      renameSync(this.partial, this.path);
    } catch (error) {
      throw this.failed(error);
    }
    this.end();
  }

  abort(): void {
    if (!this.isOpen) return;
    this.end();
    rmSync(this.partial, { force: true });
  }

  private end(): void {
    this.isOpen = false;
    process.off('exit', this.onExit);
    this.spool.close();
  }

  private failed(error: unknown): unknown {
    this.abort();
    return error instanceof DumpError ? error : writeError(this.path, error);
  }
}
