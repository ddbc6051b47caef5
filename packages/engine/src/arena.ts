import { RunError } from './errors.js';

/** How large an arena is made: `usual` bytes, more where one layer needs more, never more than `most`. */
export interface ArenaSize {
  readonly usual: number;
  readonly most: number;
}

/** The bytes of an arena for a pass of `parts` layers, each of which takes up to `partBytes` of it. */
export function arenaBytes(partBytes: number, parts: number, { usual, most }: ArenaSize): number {
  return Math.min(most, Math.max(partBytes, Math.min(usual, partBytes * parts)));
}

/**
 * One GPU buffer, handed out slice by slice. No slice is handed out again before reset(): until the submit, commands that
 * were encoded still need it.
 */
export class Arena {
  readonly buffer: GPUBuffer;
  private end = 0;

  constructor(
    private readonly device: GPUDevice,
    label: string,
    readonly bytes: number,
    usage: number,
  ) {
    this.buffer = device.createBuffer({ label, size: bytes, usage });
  }

  /** How much is handed out, from the beginning. */
  get used(): number {
    return this.end;
  }

  has(bytes: number): boolean {
    return this.end + bytes <= this.bytes;
  }

  /** The offset of a new slice. @throws RunError `arena-full` */
  take(bytes: number): number {
    if (!this.has(bytes)) {
      throw new RunError(
        'arena-full',
        `The ${this.buffer.label} has ${this.bytes} bytes, and one layer needs ${this.end + bytes} or more of them; the adapter allows ${this.device.limits.maxBufferSize} in one buffer. Run fewer tokens at a time (ubatch), or record and overwrite fewer stages (--stages).`,
      );
    }
    const offset = this.end;
    this.end += bytes;
    return offset;
  }

  reset(): void {
    this.end = 0;
  }

  destroy(): void {
    this.buffer.destroy();
  }
}
