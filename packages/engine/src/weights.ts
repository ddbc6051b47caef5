import type { AdapterInfo } from './adapter/index.js';
import { RunError } from './errors.js';
import type { GgufFile, TensorInfo } from './gguf.js';
import type { Layer, LayerTensors, LlamaTensors, Model } from './model.js';
import { isAsInFile, packedRowBytes, packInto, rowBytes } from './pack.js';
import { patiently } from './patient.js';
import type { Weight, WeightType } from './products/mul-mat.js';
import { TensorFiles } from './tensor-files.js';
import { isVectorName } from './tensors.js';
import {
  createData,
  goesIntoTexture,
  mostRows,
  rowsAtOnce,
  STRIDE,
  takingTurns,
  type WeightData,
  writeData,
  writtenBytes,
} from './weight-data.js';

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
        free: () => destroyAll(upload.made),
      };
    },
  );
}

export function destroyAll(made: readonly WeightData[]): void {
  for (const one of made) one.destroy();
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
  const upload = new Uploader(device, files, kind, onProgress);
  let made: T | undefined;
  let problem: GPUError | null | undefined;
  try {
    made = await use(upload);
  } finally {
    for (const _ of scopes) problem = (await patiently(device.popErrorScope()).catch(() => null)) ?? problem; // none of a lost device
    if (made === undefined || problem) await release(device, upload.made);
    await files.close();
  }
  if (made !== undefined && !problem) return made;
  throw new RunError(
    'out-of-memory',
    `${path}: the adapter could not hold the weights (${upload.allocated} bytes): ${problem?.message}. Use a smaller quantisation, --stream, or another --adapter.`,
  );
}

/** Destroys them, and waits until their memory is free: Dawn gives it back with the next submit, not before. */
export async function release(device: GPUDevice, made: readonly WeightData[]): Promise<void> {
  destroyAll(made);
  device.queue.submit([]);
  await patiently(device.queue.onSubmittedWorkDone()).catch(() => {}); // a lost device has given back everything
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
  readonly made: WeightData[] = [];
  private readonly piece = Buffer.allocUnsafeSlow(PIECE);
  private packed: Uint8Array<ArrayBuffer> = new Uint8Array();
  private waiting = 0;
  private done = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly files: TensorFiles,
    private readonly kind: AdapterInfo['kind'],
    private readonly onProgress: (done: number) => void,
  ) {}

  async floats(tensor: TensorInfo): Promise<Float32Array> {
    const bytes = Buffer.alloc(tensor.bytes);
    await this.files.read(tensor, bytes);
    return new Float32Array(bytes.buffer, bytes.byteOffset, tensor.bytes / 4);
  }

  async vector(tensor: TensorInfo): Promise<GPUBuffer> {
    const columns = tensor.shape.reduce((all, length) => all * length, 1);
    return (await this.rows({ ...tensor, shape: [columns] }, 'F32', columns, 0, 1, false)) as GPUBuffer;
  }

  /** Splits by rows where the tensor is larger than one binding may be. Those of several experts come one after the other, in buffers. */
  async matrix(given: TensorInfo): Promise<Weight> {
    const [columns, perExpert, experts = 1] = given.shape as [number, number, number?];
    const rows = perExpert * experts;
    const tensor = { ...given, shape: [columns, rows] };
    const type = tensor.type.name as WeightType;
    const asTexture = goesIntoTexture(this.kind, given.shape);
    const fit = mostRows(this.device, packedRowBytes(type, columns), asTexture);
    const slices: Weight['slices'] = [];
    for (let firstRow = 0; firstRow < rows; firstRow += fit) {
      const count = Math.min(fit, rows - firstRow);
      slices.push({ data: await this.rows(tensor, type, columns, firstRow, count, asTexture), firstRow, rows: count });
    }
    return { name: tensor.name, type, rows, columns, slices };
  }

  /** Some of a tensor's rows, packed, in a buffer or texture of their own. */
  private async rows(
    tensor: TensorInfo,
    type: WeightType,
    columns: number,
    firstRow: number,
    rows: number,
    asTexture: boolean,
  ): Promise<WeightData> {
    const packedBytes = packedRowBytes(type, columns);
    const data = createData(this.device, tensor.name, rows, packedBytes, asTexture);
    const bytes = writtenBytes(rows, packedBytes, asTexture);
    this.allocated += bytes;
    this.made.push(data);
    const atOnce = rowsAtOnce(WRITES[this.kind].atOnce, packedBytes, asTexture);
    for (let row = 0; row < rows; row += atOnce) {
      const count = Math.min(atOnce, rows - row);
      const isLast = row + count === rows;
      const packed = this.memory((isLast ? bytes : (row + count) * packedBytes) - row * packedBytes);
      await this.pack(tensor, type, columns, { firstRow: firstRow + row, rows: count }, packed, asTexture);
      writeData(this.device, data, row * packedBytes, packed);
      this.waiting += packed.length;
      if (this.waiting >= WRITES[this.kind].waiting) {
        await patiently(this.device.queue.onSubmittedWorkDone());
        this.waiting = 0;
      }
    }
    return data;
  }

  /** The same again and again, since what was written of it has been taken: new memory costs more than packing. */
  private memory(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.packed.length < bytes) this.packed = new Uint8Array(bytes);
    return this.packed.subarray(0, bytes);
  }

  /** Fills `packed` with rows out of the file. */
  private async pack(
    tensor: TensorInfo,
    type: WeightType,
    columns: number,
    { firstRow, rows }: { readonly firstRow: number; readonly rows: number },
    packed: Uint8Array,
    asTexture: boolean,
  ): Promise<void> {
    const from = rowBytes(type, columns);
    const to = packedRowBytes(type, columns);
    const isAsIs = isAsInFile(type, columns);
    if (!isAsIs && !asTexture) packed.fill(0);
    const fit = Math.floor(PIECE / from);
    const atOnce = asTexture ? Math.max(STRIDE, fit - (fit % STRIDE)) : Math.max(1, fit);
    for (let row = 0; row < rows; row += atOnce) {
      const count = Math.min(atOnce, rows - row);
      const target = packed.subarray(row * to, (row + count) * to);
      const piece = count * from <= PIECE ? this.piece.subarray(0, count * from) : Buffer.allocUnsafeSlow(count * from);
      const read = isAsIs && !asTexture ? target : piece;
      await this.files.read(tensor, read, (firstRow + row) * from);
      if (asTexture) this.packInTurns(type, columns, read, packed.subarray(row * to));
      else if (!isAsIs) packInto(type, columns, read, target);
      this.done += read.length;
      this.onProgress(this.done);
    }
  }

  /** Packs a few rows at a time, which are still in the cache when they are put where a texture has them. */
  private packInTurns(type: WeightType, columns: number, rows: Uint8Array, packed: Uint8Array): void {
    const from = rowBytes(type, columns);
    const to = packedRowBytes(type, columns);
    if (isAsInFile(type, columns)) {
      takingTurns(rows, to, packed);
      return;
    }
    const turn = new Uint8Array(STRIDE * to);
    for (let row = 0; row * from < rows.length; row += STRIDE) {
      const some = rows.subarray(row * from, (row + STRIDE) * from);
      const few = turn.subarray(0, (some.length / from) * to).fill(0);
      packInto(type, columns, some, few);
      takingTurns(few, to, packed.subarray(row * to));
    }
  }
}
