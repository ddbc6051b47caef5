import { configOf } from '@llama-probe/testing/kernels';
import { Commands, type KernelCache } from '../src/kernels.js';
import { createOperations } from '../src/operations.js';
import { packRows } from '../src/pack.js';
import type { MulMat, WeightType } from '../src/products/mul-mat.js';

/** All rows of a table, dequantised by the engine's own kernel. */
export async function rowsOnDevice(
  device: GPUDevice,
  kernels: KernelCache,
  { data, type, rows, columns }: { data: Uint8Array; type: WeightType; rows: number; columns: number },
): Promise<Float32Array> {
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = (label: string, bytes: Uint8Array, usage: number) => {
    const made = device.createBuffer({ label, size: bytes.byteLength, usage: usage | COPY_DST });
    device.queue.writeBuffer(made, 0, bytes as Uint8Array<ArrayBuffer>);
    return made;
  };
  const ids = Uint32Array.from({ length: rows }, (_, i) => i);
  const weight = buffer('w', packRows(type, columns, data), STORAGE);
  const asked = buffer('ids', new Uint8Array(ids.buffer), STORAGE);
  const batch = buffer('batch', new Uint8Array(Uint32Array.of(rows, 0, rows, 0).buffer), UNIFORM);
  const dst = buffer('dst', new Uint8Array(rows * columns * 4).fill(0xee), STORAGE | COPY_SRC);
  const readback = device.createBuffer({ label: 'readback', size: dst.size, usage: MAP_READ | COPY_DST });

  const commands = new Commands(device);
  const noProduct: MulMat = { encode() {}, canEnd: () => false };
  const shape = { tokens: rows, first: 0, heads: 1, kvHeads: 1, headDim: 2, embd: columns, ff: 1 };
  const operations = createOperations(configOf(shape), kernels, noProduct, commands, batch, {
    tokens: rows,
    firstPosition: 0,
  });
  const slices = [{ data: weight, firstRow: 0, rows }];
  operations.getRows(dst, { name: 'w', type, rows, columns, slices }, asked);
  commands.copy(dst, 0, readback, 0, dst.size);
  commands.submit();
  await readback.mapAsync(GPUMapMode.READ);
  const got = new Float32Array(readback.getMappedRange().slice(0));
  for (const each of [weight, asked, batch, dst, readback]) each.destroy();
  return got;
}
