import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@llama-probe/dump';
import { LlamaCppError } from '../errors.js';

interface Entry {
  readonly tensor: Omit<Tensor, 'values'>;
  readonly offset: number;
  readonly length: number;
}

/** Tensors of passes whose turn has not come, in a temporary file: a block is evaluated for all passes before the next one is. */
export class Spool {
  private readonly passes = new Map<number, Entry[]>();
  private readonly path = join(tmpdir(), `llama-probe-${process.pid}-${randomUUID()}.f32`);
  private descriptor: number | undefined;
  private size = 0;

  /** @throws LlamaCppError `temporary-unwritable` */
  put(pass: number, { values, ...tensor }: Tensor): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const entries = this.passes.get(pass) ?? [];
    this.passes.set(pass, entries);
    entries.push({ tensor, offset: this.size, length: values.length });
    this.descriptor ??= this.open();
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.descriptor, bytes, at, bytes.length - at, this.size + at);
    this.size += bytes.length;
  }

  *read(pass: number): Generator<Tensor> {
    for (const { tensor, offset, length } of this.passes.get(pass) ?? []) {
      const values = new Float32Array(length);
      const bytes = new Uint8Array(values.buffer);
      for (let at = 0; at < bytes.length; )
        at += readSync(this.descriptor as number, bytes, at, bytes.length - at, offset + at);
      yield { ...tensor, values };
    }
  }

  /** Forgets what was put there of a pass. */
  clear(pass: number): void {
    this.passes.delete(pass);
  }

  close(): void {
    if (this.descriptor === undefined) return;
    closeSync(this.descriptor);
    rmSync(this.path, { force: true });
  }

  private open(): number {
    try {
      const descriptor = openSync(this.path, 'wx+');
      if (process.platform !== 'win32') rmSync(this.path); // it lives as long as it is open, and no longer than this process
      return descriptor;
    } catch (cause) {
      throw new LlamaCppError(
        'temporary-unwritable',
        `${this.path}: cannot be written (${(cause as NodeJS.ErrnoException).code}). Set TMPDIR to a folder that you may write to.`,
        { cause },
      );
    }
  }
}
