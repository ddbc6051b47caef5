import type { Index } from './statistics.js';

/** How two readings of a tensor differ, value by value. NaN equals NaN. */
export interface Bits {
  /** Values that are other numbers. */
  readonly differing: number;
  /** Zeros that have another sign: no product shows them. */
  readonly zeroSigns: number;
  /** Subnormal numbers that are zero on the other side, as WGSL lets an adapter make them. */
  readonly flushed: number;
  /** The first value that is another number. */
  readonly first: (Index & { readonly engine: number; readonly ggml: number }) | null;
}

const SUBNORMAL_BELOW = 2 ** -126;

/** Counts them over a tensor that comes in pieces of whole rows. */
export class BitsCount {
  private differing = 0;
  private zeroSigns = 0;
  private flushed = 0;
  private first: Bits['first'] = null;

  constructor(private readonly columns: number) {}

  add(engine: Float32Array, ggml: Float32Array, firstRow: number): void {
    const a = new Uint32Array(engine.buffer, engine.byteOffset, engine.length);
    const b = new Uint32Array(ggml.buffer, ggml.byteOffset, ggml.length);
    for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) this.tell(i, engine, ggml, firstRow);
  }

  result(): Bits {
    const { differing, zeroSigns, flushed, first } = this;
    return { differing, zeroSigns, flushed, first };
  }

  private tell(i: number, engine: Float32Array, ggml: Float32Array, firstRow: number): void {
    const [x, y] = [engine[i] as number, ggml[i] as number];
    if (Number.isNaN(x) && Number.isNaN(y)) return;
    if (x === 0 && y === 0) this.zeroSigns++;
    else if (x === 0 && Math.abs(y) < SUBNORMAL_BELOW) this.flushed++;
    else {
      this.differing++;
      const row = firstRow + Math.floor(i / this.columns);
      this.first ??= { row, column: i % this.columns, engine: x, ggml: y };
    }
  }
}
