import type { AdapterInfo } from './adapter/index.js';
import { RunError } from './errors.js';
import type { GgufFile, TensorInfo } from './gguf.js';
import type { Layer, LayerTensors, LlamaTensors, Model } from './model.js';
import { isAsInFile, packedRowBytes, packInto, rowBytes } from './pack.js';
import type { Weight, WeightType } from './products/mul-mat.js';
import { TensorFiles } from './tensor-files.js';
import { isVectorName } from './tensors.js';

/**
 * How much is written at once, and how much may be handed to the queue before it must have been taken: SwiftShader and lavapipe keep every staging
 * buffer until then. A buffer of which only a part is written is zeroed first, which Dawn does over OpenGL with as much new memory: llvmpipe's
 * are written as a whole.
 */
const WRITES: Record<AdapterInfo['kind'], { readonly atOnce: number; readonly waiting: number }> = {
  gpu: { atOnce: 8 << 20, waiting: 64 << 20 },
  llvmpipe: { atOnce: 128 << 20, waiting: 64 << 20 },
  lavapipe: { atOnce: 8 << 20, waiting: 4 << 20 },
  swiftshader: { atOnce: 8 << 20, waiting: 4 << 20 },
};
const PIECE = 8 << 20; // bytes of a file that are read at once

/**
 * Reads the tensor data straight from the file into GPU buffers, in bounded chunks.
 *
 * @throws RunError `out-of-memory` when the device refuses a buffer.
 */
export async function uploadModel(
  device: GPUDevice,
  kind: AdapterInfo['kind'],
  file: GgufFile,
  tensors: LlamaTensors,
  onProgress?: (done: number, total: number) => void,
): Promise<Model> {
  const total = [...file.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
  return uploading(
    device,
    kind,
    file.path,
    (done) => onProgress?.(done, total),
    async (upload) => {
      const blk: Layer[] = [];
      const tokenEmbd = await upload.matrix(tensors.tokenEmbd);
      for (const layer of tensors.blk) blk.push(await uploadLayer(upload, layer));
      return {
        tensors,
        tokenEmbd,
        blk,
        outputNorm: await upload.vector(tensors.outputNorm),
        output: tensors.output === tensors.tokenEmbd ? tokenEmbd : await upload.matrix(tensors.output),
        ...(await uploadFactors(upload, tensors)),
        bytes: upload.allocated,
        free: () => destroyAll(upload.buffers),
      };
    },
  );
}

export function destroyAll(buffers: readonly GPUBuffer[]): void {
  for (const buffer of buffers) buffer.destroy();
}

/**
 * Gives what `use` uploads, once the device has it; if it refuses some of it nothing is left.
 *
 * @throws RunError `out-of-memory`
 */
export async function uploading<T>(
  device: GPUDevice,
  kind: AdapterInfo['kind'],
  path: string,
  onProgress: (done: number) => void,
  use: (upload: Uploader) => Promise<T>,
): Promise<T> {
  const scopes = ['out-of-memory', 'validation'] as const;
  for (const scope of scopes) device.pushErrorScope(scope);
  const files = new TensorFiles();
  const upload = new Uploader(device, files, WRITES[kind], onProgress);
  let made: T | undefined;
  let problem: GPUError | null | undefined;
  try {
    made = await use(upload);
  } finally {
    for (const _ of scopes) problem = (await device.popErrorScope().catch(() => null)) ?? problem; // none of a lost device
    if (made === undefined || problem) await release(device, upload.buffers);
    await files.close();
  }
  if (made !== undefined && !problem) return made;
  throw new RunError(
    'out-of-memory',
    `${path}: the adapter could not hold the weights (${upload.allocated} bytes): ${problem?.message}. Use a smaller quantisation, --stream, or another --adapter.`,
  );
}

/** Destroys buffers, and waits until their memory is free: Dawn gives it back with the next submit, not before. */
export async function release(device: GPUDevice, buffers: readonly GPUBuffer[]): Promise<void> {
  destroyAll(buffers);
  device.queue.submit([]);
  await device.queue.onSubmittedWorkDone().catch(() => {}); // a lost device has given back everything
}

/** Of the rotation, which stay with the host. */
export async function uploadFactors(
  upload: Uploader,
  tensors: LlamaTensors,
): Promise<Pick<Model, 'ropeFreqs' | 'ropeFactorsLong' | 'ropeFactorsShort'>> {
  const found: Array<[string, Float32Array]> = [];
  for (const name of ['ropeFreqs', 'ropeFactorsLong', 'ropeFactorsShort'] as const) {
    const tensor = tensors[name];
    if (tensor) found.push([name, await upload.floats(tensor)]);
  }
  return Object.fromEntries(found);
}

export async function uploadLayer(upload: Uploader, layer: LayerTensors): Promise<Layer> {
  const entries: Array<[string, Weight | GPUBuffer]> = [];
  for (const [name, tensor] of Object.entries(layer) as Array<[string, TensorInfo]>) {
    entries.push([
      name,
      isVectorName(tensor.name, tensor.shape) ? await upload.vector(tensor) : await upload.matrix(tensor),
    ]);
  }
  return Object.fromEntries(entries) as unknown as Layer;
}

export class Uploader {
  allocated = 0;
  readonly buffers: GPUBuffer[] = [];
  private readonly piece = Buffer.allocUnsafeSlow(PIECE);
  private packed: Uint8Array<ArrayBuffer> = new Uint8Array();
  private waiting = 0;
  private done = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly files: TensorFiles,
    private readonly most: { readonly atOnce: number; readonly waiting: number },
    private readonly onProgress: (done: number) => void,
  ) {}

  async floats(tensor: TensorInfo): Promise<Float32Array> {
    const bytes = Buffer.alloc(tensor.bytes);
    await this.files.read(tensor, bytes);
    return new Float32Array(bytes.buffer, bytes.byteOffset, tensor.bytes / 4);
  }

  vector(tensor: TensorInfo): Promise<GPUBuffer> {
    const columns = tensor.shape.reduce((all, length) => all * length, 1);
    return this.rows({ ...tensor, shape: [columns] }, 'F32', columns, 0, 1);
  }

  /** Splits by rows where the tensor is larger than one binding may be. Those of several experts come one after the other. */
  async matrix(given: TensorInfo): Promise<Weight> {
    const [columns, perExpert, experts = 1] = given.shape as [number, number, number?];
    const rows = perExpert * experts;
    const tensor = { ...given, shape: [columns, rows] };
    const type = tensor.type.name as WeightType;
    const fit = Math.floor(this.device.limits.maxStorageBufferBindingSize / packedRowBytes(type, columns));
    const slices: Weight['slices'] = [];
    for (let firstRow = 0; firstRow < rows; firstRow += fit) {
      const count = Math.min(fit, rows - firstRow);
      slices.push({ buffer: await this.rows(tensor, type, columns, firstRow, count), firstRow, rows: count });
    }
    return { name: tensor.name, type, rows, columns, slices };
  }

  /** Some of a tensor's rows, packed, in a buffer of their own. */
  private async rows(
    tensor: TensorInfo,
    type: WeightType,
    columns: number,
    firstRow: number,
    rows: number,
  ): Promise<GPUBuffer> {
    const { name } = tensor;
    const packedBytes = packedRowBytes(type, columns);
    const size = rows * packedBytes;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const buffer = this.device.createBuffer({ label: name, size, usage });
    this.allocated += size;
    this.buffers.push(buffer);
    const atOnce = Math.min(rows, Math.max(1, Math.floor(this.most.atOnce / packedBytes)));
    for (let row = 0; row < rows; row += atOnce) {
      const count = Math.min(atOnce, rows - row);
      const packed = this.memory(count * packedBytes);
      await this.pack(tensor, type, columns, firstRow + row, packed);
      this.device.queue.writeBuffer(buffer, row * packedBytes, packed);
      this.waiting += packed.length;
      if (this.waiting >= this.most.waiting) {
        await this.device.queue.onSubmittedWorkDone();
        this.waiting = 0;
      }
    }
    return buffer;
  }

  /** The same again and again, since what was written of it has been taken: new memory costs more than packing. */
  private memory(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.packed.length < bytes) this.packed = new Uint8Array(bytes);
    return this.packed.subarray(0, bytes);
  }

  /** Fills `packed` with rows out of the file. */
  private async pack(tensor: TensorInfo, type: WeightType, columns: number, firstRow: number, packed: Uint8Array) {
    const from = rowBytes(type, columns);
    const to = packedRowBytes(type, columns);
    const rows = packed.length / to;
    const isAsIs = isAsInFile(type, columns);
    if (!isAsIs) packed.fill(0);
    const atOnce = Math.max(1, Math.floor(PIECE / from));
    for (let row = 0; row < rows; row += atOnce) {
      const count = Math.min(atOnce, rows - row);
      const target = packed.subarray(row * to, (row + count) * to);
      const piece = from <= PIECE ? this.piece.subarray(0, count * from) : Buffer.allocUnsafeSlow(from);
      const read = isAsIs ? target : piece;
      await this.files.read(tensor, read, (firstRow + row) * from);
      if (!isAsIs) packInto(type, columns, read, target);
      this.done += read.length;
      this.onProgress(this.done);
    }
  }
}
