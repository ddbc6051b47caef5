import { type AdapterInfo, type AdapterKind, type OpenedAdapter, openAdapter } from './adapter/index.js';
import { encodeGetRows } from './get-rows.js';
import { Commands, KernelCache } from './kernels.js';
import { packedRowBytes, packRows, rowBytes } from './pack.js';
import { patiently } from './patient.js';
import type { WeightType } from './products/mul-mat.js';

/**
 * Rows of weights as the engine's own kernels read them: packed as for a model (pack.ts), and dequantised on the GPU by get_rows.wgsl, which
 * reads the embedding, with the same quant/*.wgsl that the products have.
 *
 * @throws NoAdapterError
 * @example const weights = await openDequantizer(); await weights.rows('Q8_0', 2048, bytesOfSomeRows)
 */
export async function openDequantizer(options: { adapter?: AdapterKind | 'auto' } = {}): Promise<Dequantizer> {
  return new Dequantizer(await openAdapter(options));
}

/** The buffers of a piece. They grow; so kernels and bind groups are made but once for a type and a width. */
interface Buffers {
  readonly ids: GPUBuffer;
  readonly weight: GPUBuffer;
  readonly dst: GPUBuffer;
  readonly readback: GPUBuffer;
}

const ALL_ROWS = 2 ** 32 - 1; // the ids are those of rows that are there

export class Dequantizer {
  readonly adapter: AdapterInfo;
  private kernels: KernelCache;
  private readonly uniform: GPUBuffer;
  private buffers: Buffers | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly opened: OpenedAdapter) {
    const { device } = opened;
    this.adapter = opened.info;
    this.kernels = new KernelCache(opened);
    this.uniform = device.createBuffer({
      label: 'batch',
      size: 16,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** How many rows one call can take; 0 where not even one fits the adapter's bindings. */
  most(type: WeightType, columns: number): number {
    const row = Math.max(columns * 4, packedRowBytes(type, columns));
    return Math.floor(this.opened.device.limits.maxStorageBufferBindingSize / row);
  }

  /**
   * @param bytes whole rows as the file has them; at most `most(type, columns)` of them
   * @param into where they are to be; memory of their own without it
   * @returns (rows, columns)
   * @throws RunError where the device gave up
   */
  rows(type: WeightType, columns: number, bytes: Uint8Array, into?: Float32Array): Promise<Float32Array> {
    const count = bytes.length / rowBytes(type, columns);
    const packed = packRows(type, columns, bytes);
    const rows = this.turn.then(() =>
      this.run(type, columns, packed, into ?? new Float32Array(count * columns), count),
    );
    this.turn = rows.catch(() => {});
    return rows;
  }

  close(): void {
    this.opened.close();
  }

  private async run(
    type: WeightType,
    columns: number,
    packed: Uint8Array,
    into: Float32Array,
    count: number,
  ): Promise<Float32Array> {
    const { device } = this.opened;
    const size = count * columns * 4;
    const { ids, weight, dst, readback } = this.allocate(count, packed.length, size);
    device.queue.writeBuffer(this.uniform, 0, Uint32Array.of(count, 0, count, 0));
    device.queue.writeBuffer(weight, 0, packed as Uint8Array<ArrayBuffer>);
    const commands = new Commands(device);
    const slices = [{ data: weight, firstRow: 0, rows: ALL_ROWS }];
    const table = { name: 'weight', type, rows: ALL_ROWS, columns, slices };
    encodeGetRows(this.kernels, commands, this.uniform, dst, table, ids, count);
    commands.copy(dst, 0, readback, 0, size);
    commands.submit();
    await patiently(readback.mapAsync(GPUMapMode.READ, 0, size));
    const values = into.subarray(0, count * columns);
    values.set(new Float32Array(readback.getMappedRange(0, size)));
    readback.unmap();
    this.opened.check();
    return values;
  }

  private allocate(count: number, packed: number, size: number): Buffers {
    const { buffers } = this;
    if (buffers && buffers.ids.size >= count * 4 && buffers.weight.size >= packed && buffers.dst.size >= size) {
      return buffers;
    }
    const { device } = this.opened;
    const grown = (label: keyof Buffers, bytes: number, usage: number): GPUBuffer =>
      device.createBuffer({ label, size: Math.max(bytes, buffers?.[label].size ?? 0), usage });
    const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    this.buffers = {
      ids: grown('ids', count * 4, storage),
      weight: grown('weight', packed, storage),
      dst: grown('dst', size, storage | GPUBufferUsage.COPY_SRC),
      readback: grown('readback', size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
    };
    const ids = Uint32Array.from({ length: this.buffers.ids.size / 4 }, (_, i) => i);
    device.queue.writeBuffer(this.buffers.ids, 0, ids);
    if (buffers) {
      for (const one of Object.values(buffers) as GPUBuffer[]) one.destroy();
      this.kernels = new KernelCache(this.opened); // whose bind groups have the buffers that are gone
    }
    return this.buffers;
  }
}
