import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import type { DumpMetadata, Tensor } from '@llama-probe/dump';
import { DumpError } from '@llama-probe/dump';
import { newPartial } from '@llama-probe/dump/files';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import { factsOf } from '../names/facts.js';
import { placeArrays } from '../names/place-arrays.js';

/** A stage as an array of float32: (rows, width), one row a position. */
export interface SpooledArray extends Place {
  /** As llama.cpp calls its nodes. @example 'q_rope-3' */
  readonly name: string;
  readonly width: number;
  rows: number;
  /** Where its pieces are in the spool, in bytes. */
  readonly pieces: { readonly at: number; readonly bytes: number }[];
}

const CHUNK = 1 << 20; // bytes

/**
 * Keeps tensors in a file of its own until all are known: formats with arrays say at their beginning what they have, and a stage may come in pieces.
 *
 * @throws DumpError `dump-unsupported` of what an array cannot say: steps, and rows that are not one after the other
 */
export class Spool {
  private readonly partial: string;
  private readonly descriptor: number;
  private readonly byPlace = new Map<string, SpooledArray>();
  private end = 0;

  constructor(private readonly path: string) {
    this.partial = newPartial(`${path}.values`);
    this.descriptor = openSync(this.partial, 'wx+');
  }

  get arrays(): readonly SpooledArray[] {
    return [...this.byPlace.values()];
  }

  add({ step, layer, stage, positions, width, values }: Tensor): void {
    const name = layer === null ? stage : `${stage}-${layer}`;
    if (step > 0)
      throw this.unsupported(`${name} is of step ${step}`, 'Such a file has one pass over all tokens: add --steps 0');
    const key = placeKey({ stage, layer });
    const array = this.byPlace.get(key) ?? { stage, layer, name, width, rows: 0, pieces: [] };
    const isNext = positions.every((position, row) => position === array.rows + row);
    const isLast = positions.length === 1 && array.rows === 0;
    if (!isNext && !isLast) {
      throw this.unsupported(
        `${name} has rows at the positions ${[...positions.slice(0, 4)].join(', ')}, …`,
        'Such a file has those of all tokens',
      );
    }
    if (array.width !== width) {
      throw this.unsupported(
        `${name} has rows of ${array.width} and of ${width} values`,
        'Run all tokens at once (--ubatch)',
      );
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at, bytes.length - at, this.end + at);
    array.pieces.push({ at: this.end, bytes: bytes.length });
    array.rows += positions.length;
    this.end += bytes.length;
    this.byPlace.set(key, array);
  }

  /** The values of an array, a piece of bounded size at a time. */
  *bytesOf({ pieces }: SpooledArray): Generator<Buffer> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.bytes; ) {
        const chunk = Buffer.alloc(Math.min(CHUNK, piece.bytes - at));
        at += readSync(this.descriptor, chunk, 0, chunk.length, piece.at + at);
        yield chunk;
      }
    }
  }

  /** Refuses what would be read back as something else. */
  async check({ tokens }: DumpMetadata): Promise<void> {
    const { arrays } = this;
    const named = arrays.map((array) => ({
      ...array,
      shape: [array.rows, array.width],
      dtype: 'F32' as const,
      read: noValues,
    }));
    const { placed } = placeArrays({ arrays: named }, await factsOf(named));
    const back = new Map(placed.map(({ array, place }) => [array.name, place]));
    for (const { name, stage, layer, rows } of arrays) {
      const place = back.get(name);
      if (place?.stage !== stage || place.layer !== layer)
        throw this.unsupported(`${name} would be read back as something else`, 'Leave it out with --stages');
      if (rows !== tokens.length && rows > 1)
        throw this.unsupported(
          `${name} has ${rows} rows, and there are ${tokens.length} tokens`,
          'Capture all of them',
        );
    }
  }

  close(): void {
    closeSync(this.descriptor);
    rmSync(this.partial, { force: true });
  }

  private unsupported(what: string, remedy: string): DumpError {
    return new DumpError('dump-unsupported', `${this.path}: ${what}. ${remedy}, or write an .arrow file.`);
  }
}

const noValues = async (): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array();
