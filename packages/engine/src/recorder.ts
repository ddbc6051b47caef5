import type { Tensor } from '@llama-probe/dump';
import type { StageAt } from './hook.js';
import type { Commands } from './kernels.js';

interface Entry {
  at: StageAt;
  offset: number;
  wanted: boolean;
}

/**
 * Copies stages into one arena on the GPU, and reads the arena back with a single map.
 *
 * A slice of the arena is never reused within a submit. When the next stage may not fit, the caller submits and drains.
 */
export class Recorder {
  private readonly arena: GPUBuffer;
  private entries: Entry[] = [];
  private used = 0;

  constructor(device: GPUDevice, capacity: number) {
    this.arena = device.createBuffer({
      label: 'recorder arena',
      size: capacity,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
  }

  /** Forgets what an unfinished run has left. */
  reset(): void {
    this.entries = [];
    this.used = 0;
  }

  has(bytes: number): boolean {
    return this.used + bytes <= this.arena.size;
  }

  /** @param wanted false for what the engine itself needs, and the caller did not ask for. */
  record(commands: Commands, at: StageAt, buffer: GPUBuffer, wanted = true, firstRow = 0): void {
    const bytes = at.tokens * at.width * 4;
    commands.copy(buffer, firstRow * at.width * 4, this.arena, this.used, bytes);
    this.entries.push({ at, offset: this.used, wanted });
    this.used += bytes;
  }

  /** What was recorded since the last time. Call it after the submit; it waits for the GPU. */
  async drain(): Promise<Array<{ tensor: Tensor; wanted: boolean }>> {
    if (this.entries.length === 0) return [];
    await this.arena.mapAsync(GPUMapMode.READ, 0, this.used);
    const copy = this.arena.getMappedRange(0, this.used).slice(0);
    this.arena.unmap();
    const recorded = this.entries.map(({ at, offset, wanted }) => ({ tensor: toTensor(at, copy, offset), wanted }));
    this.reset();
    return recorded;
  }

  destroy(): void {
    this.arena.destroy();
  }
}

function toTensor(at: StageAt, arena: ArrayBuffer, offset: number): Tensor {
  const values = new Float32Array(arena, offset, at.tokens * at.width);
  if (at.stage === 'kq') hideFuture(at, values);
  return {
    step: at.step,
    order: at.order,
    layer: at.layer,
    stage: at.stage,
    tokens: Int32Array.from({ length: at.tokens }, (_, row) => at.firstPosition + row),
    width: at.width,
    values,
  };
}

/** The kernel leaves scores of later positions alone, and the dump has NaN there. values: (tokens, heads, n_kv). */
function hideFuture(at: StageAt, values: Float32Array): void {
  const nKv = at.firstPosition + at.tokens;
  for (let token = 0; token < at.tokens; token++) {
    for (let row = token * at.width; row < (token + 1) * at.width; row += nKv) {
      values.fill(Number.NaN, row + at.firstPosition + token + 1, row + nKv);
    }
  }
}
