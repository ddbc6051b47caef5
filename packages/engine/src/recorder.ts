import type { Tensor } from '@llama-probe/dump';
import { Arena } from './arena.js';
import type { StageAt } from './hook.js';
import type { Commands } from './kernels.js';
import { hideFuture } from './mask.js';
import { patiently } from './patient.js';

interface Entry {
  at: StageAt;
  offset: number;
  wanted: boolean;
}

/**
 * Copies stages into one arena on the GPU, and reads the arena back with a single map.
 *
 * When the next layer may not fit, the caller submits and drains.
 */
export class Recorder {
  readonly arena: Arena;
  private entries: Entry[] = [];

  constructor(device: GPUDevice, bytes: number) {
    this.arena = new Arena(device, 'record arena', bytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
  }

  /** Forgets what an unfinished run has left. */
  reset(): void {
    this.entries = [];
    this.arena.reset();
  }

  /**
   * @param wanted false for what the engine itself needs, and the caller did not ask for.
   * @throws RunError `arena-full`
   */
  record(commands: Commands, at: StageAt, buffer: GPUBuffer, wanted = true, firstRow = 0): void {
    const bytes = at.tokens * at.width * 4;
    const offset = this.arena.take(bytes);
    commands.copy(buffer, firstRow * at.width * 4, this.arena.buffer, offset, bytes);
    this.entries.push({ at, offset, wanted });
  }

  /** What was recorded since the last time. Call it after the submit; it waits for the GPU. */
  async drain(): Promise<Array<{ tensor: Tensor; wanted: boolean }>> {
    if (this.entries.length === 0) return [];
    const { buffer, used } = this.arena;
    await patiently(buffer.mapAsync(GPUMapMode.READ, 0, used));
    const copy = buffer.getMappedRange(0, used).slice(0);
    buffer.unmap();
    const recorded = this.entries.map(({ at, offset, wanted }) => ({ tensor: toTensor(at, copy, offset), wanted }));
    this.reset();
    return recorded;
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
    positions: Int32Array.from({ length: at.tokens }, (_, row) => at.firstPosition + row),
    width: at.width,
    values,
  };
}
