import { Arena } from './arena.js';
import type { StageAt } from './hook.js';
import type { Commands } from './kernels.js';
import { fillFuture } from './mask.js';

/**
 * Puts other rows in a stage's place, through one arena on the GPU: the recorder's counterpart.
 *
 * The rows are in the arena before the submit, and are copied on from there when the pass has come to their stage. When the next
 * layer may not fit, the caller submits and resets the arena.
 */
export class Uploads {
  readonly arena: Arena;

  constructor(
    private readonly device: GPUDevice,
    bytes: number,
  ) {
    this.arena = new Arena(device, 'upload arena', bytes, GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
  }

  /**
   * @param by who gave the values: overwrite() may give the last rows only
   * @throws RangeError for values of another size, RunError `arena-full`
   */
  put(commands: Commands, by: 'inject' | 'overwrite', at: StageAt, buffer: GPUBuffer, values: Float32Array): void {
    const whole = at.tokens * at.width;
    const isTail = by === 'overwrite' && values.length > 0 && values.length < whole && values.length % at.width === 0;
    if (values.length !== whole && !isTail) {
      throw new RangeError(`${by}(${at.stage}): got ${values.length} values, wanted ${at.tokens} rows of ${at.width}`);
    }
    const offset = this.arena.take(values.byteLength);
    const tokens = values.length / at.width;
    const rows = { ...at, tokens, firstPosition: at.firstPosition + at.tokens - tokens };
    this.device.queue.writeBuffer(this.arena.buffer, offset, at.stage === 'kq' ? fillFuture(rows, values) : values);
    commands.copy(this.arena.buffer, offset, buffer, 4 * whole - values.byteLength, values.byteLength);
  }
}
