import { closeSync, openSync, readSync } from 'node:fs';
import { ModelError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';
import { type Traits, traitsOf } from '../weights/traits.js';
import type { FileTensor } from './tensor-table.js';

/** Some rows of a tensor: from `first` on. */
export interface Slice {
  readonly first: number;
  readonly rows: number;
}

const PIECE = 8 * 2 ** 20; // bytes of a file that are read at once

/** Makes F32 of tensors as ggml's type traits do, piece by piece out of a model's files into memory that is there. */
export class Dequantiser {
  private readonly traits = new Map<number, Traits>();
  private readonly piece = Buffer.alloc(PIECE);
  private file: { readonly path: string; readonly descriptor: number } | undefined;

  constructor(private readonly library: LlamaLibrary) {}

  /** @param slice all rows without it @param to the row of `memory` that the first one becomes @throws ModelError `weights-type`, `model-truncated` */
  write(tensor: FileTensor, memory: Uint8Array, slice: Slice = { first: 0, rows: heightOf(tensor) }, to = 0): void {
    const { path, offset, type, shape } = tensor;
    const [columns] = shape as [number];
    const { toFloat, elements, bytes } = this.traitsOf(type);
    if (!toFloat) throw new ModelError('weights-type', `ggml cannot make floats of ${tensor.name}.`);
    const rowBytes = (columns / elements) * bytes;
    const most = Math.max(1, Math.floor(PIECE / rowBytes));
    for (let row = 0; row < slice.rows; row += most) {
      const count = Math.min(most, slice.rows - row);
      const from = this.read(path, offset + (slice.first + row) * rowBytes, count * rowBytes);
      toFloat(from, memory.subarray((to + row) * columns * 4, (to + row + count) * columns * 4), count * columns);
    }
  }

  close(): void {
    if (this.file) closeSync(this.file.descriptor);
    this.file = undefined;
  }

  private read(path: string, offset: number, length: number): Uint8Array {
    if (this.file?.path !== path) {
      this.close();
      this.file = { path, descriptor: openSync(path, 'r') };
    }
    const bytes = length <= PIECE ? this.piece.subarray(0, length) : Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const got = readSync(this.file.descriptor, bytes, at, length - at, offset + at);
      if (got === 0) throw new ModelError('model-truncated', `${path}: the file became shorter while it was read.`);
      at += got;
    }
    return bytes;
  }

  private traitsOf(type: number): Traits {
    const known = this.traits.get(type) ?? traitsOf(this.library, type);
    this.traits.set(type, known);
    return known;
  }
}

const heightOf = ({ shape }: FileTensor): number => shape.slice(1).reduce((product, count) => product * count, 1);
