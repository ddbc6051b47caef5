import type { AdapterInfo } from './adapter/index.js';

/**
 * Where packed rows of a weight are on the GPU (pack.ts): in a buffer, a row after the other, or as the texels of a texture, where eight rows take
 * turns, a vec4u each. llvmpipe and lavapipe compute with vectors of eight lanes, and neighbouring lanes with neighbouring rows. A load from a buffer is there a
 * loop over the lanes, which looks at the lane's mask and at the buffer's end each time; texels are fetched for all lanes together. Products take 0.6
 * to 0.8 of the time.
 */
export type WeightData = GPUBuffer | GPUTexture;

/** Texels a line, as in data/*_texture.wgsl. */
export const TEXELS = 1024;
/** Rows that take turns, as in data/weight_texture.wgsl. */
export const STRIDE = 8;
const VEC4U = 16; // bytes
/** Bytes of a line of a texture, which is written whole. */
const LINE = VEC4U * TEXELS;

/** Whether an adapter's matrices are better in textures. */
export const prefersTextures = ({ kind }: Pick<AdapterInfo, 'kind'>): boolean =>
  kind === 'llvmpipe' || kind === 'lavapipe';

/** Whether a tensor is put into one: experts, whose kernel is another, and vectors are not. */
export const goesIntoTexture = (kind: AdapterInfo['kind'], shape: readonly number[]): boolean =>
  prefersTextures({ kind }) && shape.length === 2;

export const isTexture = (data: WeightData): data is GPUTexture => 'createView' in data;

/** How many rows of so many bytes fit into one. */
export function mostRows({ limits }: GPUDevice, packedBytes: number, asTexture: boolean): number {
  if (!asTexture) return Math.floor(limits.maxStorageBufferBindingSize / packedBytes);
  return Math.floor(((limits.maxTextureDimension2D - 1) * LINE) / (STRIDE * packedBytes)) * STRIDE; // less one: linesOf()
}

/** How many rows are written at once: into a texture so many that they end where a line does, unless they are the last ones. */
export function rowsAtOnce(most: number, packedBytes: number, asTexture: boolean): number {
  const rows = Math.max(1, Math.floor(most / packedBytes));
  if (!asTexture) return rows;
  let step = STRIDE;
  while ((step * packedBytes) % LINE !== 0) step *= 2; // a row is whole vec4u
  return Math.max(step, rows - (rows % step));
}

/** The bytes that so many rows are written from, and that they take: into a texture go whole lines. */
export const writtenBytes = (rows: number, packedBytes: number, asTexture: boolean): number =>
  asTexture ? linesOf(Math.ceil(rows / STRIDE) * STRIDE * packedBytes) * LINE : rows * packedBytes;

/**
 * Mesa compiles a kernel anew for textures whose height is a power of two, in up to half a second: none of ours is, so each is compiled once. The least
 * such height is three.
 */
function linesOf(bytes: number): number {
  const lines = Math.max(3, Math.ceil(bytes / LINE));
  return Number.isInteger(Math.log2(lines)) ? lines + 1 : lines;
}

/** Room for so many rows, all of it zero. */
export function createData(
  device: GPUDevice,
  label: string,
  rows: number,
  packedBytes: number,
  asTexture: boolean,
): WeightData {
  const size = writtenBytes(rows, packedBytes, asTexture);
  if (!asTexture) {
    return device.createBuffer({ label, size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  }
  return device.createTexture({
    label,
    size: [TEXELS, size / LINE],
    format: 'rgba32uint',
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
}

/**
 * Puts packed rows where a texture has them.
 *
 * @param rows one after the other @param into from a row on that is a multiple of eight
 */
export function takingTurns(rows: Uint8Array, packedBytes: number, into: Uint8Array): void {
  const from = words(rows);
  const to = words(into);
  const length = packedBytes / 4;
  const count = from.length / length;
  for (let first = 0; first < count; first += STRIDE) {
    const turns = Math.min(STRIDE, count - first);
    for (let word = 0; word < length; word += 4) {
      for (let row = 0; row < turns; row++) {
        const a = (first + row) * length + word;
        const b = first * length + STRIDE * word + 4 * row;
        to[b] = from[a] as number;
        to[b + 1] = from[a + 1] as number;
        to[b + 2] = from[a + 2] as number;
        to[b + 3] = from[a + 3] as number;
      }
    }
  }
}

const words = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

/**
 * Writes rows, which for a texture take turns.
 *
 * @param at the byte of `data` where they begin, in a texture that of a line @param bytes as many as writtenBytes() says
 */
export function writeData(device: GPUDevice, data: WeightData, at: number, bytes: Uint8Array<ArrayBuffer>): void {
  if (!isTexture(data)) {
    device.queue.writeBuffer(data, at, bytes);
    return;
  }
  const layout = { bytesPerRow: LINE };
  device.queue.writeTexture({ texture: data, origin: [0, at / LINE] }, bytes, layout, [TEXELS, bytes.length / LINE]);
}

/** For a bind group. */
export const resourceOf = (data: GPUBuffer | GPUTexture): GPUBindingResource =>
  isTexture(data) ? data.createView() : { buffer: data };

/** The file that a shader reads it by. */
export const weightShader = (data: WeightData): string =>
  isTexture(data) ? 'data/weight_texture.wgsl' : 'data/weight_buffer.wgsl';
