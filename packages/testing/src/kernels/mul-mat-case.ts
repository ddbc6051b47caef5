import {
  createData,
  type MulMat,
  packedRowBytes,
  packRows,
  patiently,
  type TokenClass,
  takingTurns,
  UNIFORM_BYTES,
  WEIGHT_TYPES,
  type Weight,
  type WeightData,
  type WeightType,
  writeData,
  writtenBytes,
} from '@llama-probe/engine/internal';
import { dequantizeRow } from '@llama-probe/oracle';

export interface Case {
  type: WeightType;
  rows: number;
  columns: number;
  tokens: number;
  /** Rows of each slice; the last one takes what is left. */
  sliceRows?: number;
  /** The weights are in textures, x in a uniform buffer or a texture too. */
  isInTexture?: boolean;
  /** Of the f16 scales and, for float types, of the weights. */
  magnitude?: number;
}

function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65504) return sign | 0x7bff;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  const rounded = Math.round(size * 2 ** (10 - exponent)); // 1024 … 2048
  return sign | (((exponent + 14) << 10) + rounded);
}

// Where a block has f16 scales, in bytes from its beginning.
const SCALES: Partial<Record<WeightType, number[]>> = {
  Q8_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  Q1_0: [0],
  Q2_0: [0],
};

/** Of scales of one byte: where they are, and what stands for a magnitude. */
const BYTES: Partial<Record<WeightType, readonly [at: readonly number[], of: (magnitude: number) => number]>> = {
  MXFP4: [[0], (magnitude) => 127 + Math.round(Math.log2(magnitude))],
  NVFP4: [[0, 1, 2, 3], (magnitude) => Math.min(Math.max(Math.round(Math.log2(magnitude)) + 7, 0), 14) * 8 + 5],
};

/** IQ1_M has its half in the upper nibbles of four. */
function scatter(half: number, view: DataView, at: number): void {
  for (let i = 0; i < 4; i++) {
    const byte = at + 49 + 2 * i;
    view.setUint8(byte, (view.getUint8(byte) & 15) | (((half >> (4 * i)) & 15) << 4));
  }
}

/** Rows of random blocks, with scales of about `magnitude`. */
export function randomWeights({ type, rows, columns, magnitude = 0.05 }: Case, random: () => number): Uint8Array {
  const { elements, bytes } = WEIGHT_TYPES[type];
  const data = new Uint8Array(((rows * columns) / elements) * bytes);
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += bytes) {
    const value = () => (random() * 2 - 1) * magnitude;
    if (type === 'F32') view.setFloat32(at, value(), true);
    else if (type === 'F16') view.setUint16(at, toHalf(value()), true);
    else if (type === 'BF16') {
      view.setUint16(at, (new Uint32Array(Float32Array.of(value()).buffer)[0] as number) >>> 16, true); // truncated
    } else {
      for (let i = 0; i < bytes; i++) data[at + i] = random() * 256;
      for (const scale of SCALES[type] ?? []) view.setUint16(at + scale, toHalf(value()), true);
      const [scales, of] = BYTES[type] ?? [];
      for (const scale of scales ?? []) data[at + scale] = of?.(Math.abs(value()) + magnitude / 8) ?? 0;
      if (type === 'IQ1_M') scatter(toHalf(value()), view, at);
    }
  }
  return data;
}

// biome-ignore format: zeros, subnormals, the least and the largest numbers, infinities and NaNs
const HALVES = [0, 0x8000, 1, 0x8001, 0x3ff, 0x83ff, 0x400, 0x8400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfd55];

/** Random bits, every second scale one that is special. */
export function anyBlocks(type: WeightType, n: number, random: () => number): Uint8Array {
  const { elements, bytes } = WEIGHT_TYPES[type];
  const data = Uint8Array.from({ length: (n / elements) * bytes }, () => random() * 256);
  const view = new DataView(data.buffer);
  const one = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  for (let at = 0; at < data.length; at += bytes) {
    for (const scale of SCALES[type] ?? []) if (random() < 0.5) view.setUint16(at + scale, one(HALVES), true);
    for (const scale of BYTES[type]?.[0] ?? []) {
      if (random() < 0.5) data[at + scale] = one([0, 1, 2, 3, 7, 8, 127, 128, 253, 254, 255]);
    }
    if (type === 'IQ1_M' && random() < 0.5) scatter(one(HALVES), view, at);
  }
  return data;
}

/** Past a block of tokens, past a tile, past a workgroup, in two slices: for a block that is taken for so many tokens. */
export function blockCase(of: TokenClass): Case {
  const tokens = { '1': 1, '2-4': 3, '5-8': 7, '9-32': 19, more: 70 }[of];
  return { type: 'Q4_1', rows: 141, columns: 1312, tokens, sliceRows: 100 };
}

/** What a product's relative error stays below: f32 sums of n random terms are off by about √n roundings; the worst of the cases measures 1e-6. */
export const PRODUCT_TOLERANCE = 3e-6;

/** Runs one product on the device. @returns the error's RMS, relative to that of sums of such terms, and the largest error, against float64 */
export async function runCase(
  device: GPUDevice,
  mulMat: MulMat,
  test: Case,
  random: () => number,
): Promise<{ relative: number; worst: number }> {
  const { rows, columns, tokens } = test;
  const data = randomWeights(test, random);
  const x = Float32Array.from({ length: tokens * columns }, () => random() * 2 - 1);
  const { weight, made } = uploadWeight(device, test, data);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const xBuffer = device.createBuffer({
    label: 'x',
    size: Math.max(x.byteLength, test.isInTexture ? UNIFORM_BYTES : 0),
    usage: usage | GPUBufferUsage.UNIFORM,
  });
  const dst = device.createBuffer({ label: 'dst', size: tokens * rows * 4, usage });
  const readback = device.createBuffer({ size: dst.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(xBuffer, 0, x);
  device.queue.writeBuffer(dst, 0, new Float32Array(tokens * rows).fill(Number.NaN));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  mulMat.encode(pass, weight, xBuffer, dst, tokens);
  pass.end();
  encoder.copyBufferToBuffer(dst, 0, readback, 0, dst.size);
  device.queue.submit([encoder.finish()]);
  await patiently(readback.mapAsync(GPUMapMode.READ));
  const got = new Float32Array(readback.getMappedRange().slice(0));
  for (const buffer of [...made, xBuffer, dst, readback]) buffer.destroy();
  return compare(test, data, x, got);
}

/** A matrix on the device, from the rows of a GGUF file. @returns it, and what has to be destroyed */
export function uploadWeight(
  device: GPUDevice,
  { type, rows, columns, sliceRows = rows, isInTexture = false }: Omit<Case, 'tokens'>,
  data: Uint8Array,
): { weight: Weight; made: WeightData[] } {
  const rowBytes = data.length / rows;
  const slices: Weight['slices'] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += sliceRows) {
    const count = Math.min(sliceRows, rows - firstRow);
    const packedBytes = packedRowBytes(type, columns);
    const made = createData(device, 'w', count, packedBytes, isInTexture);
    const packed = packRows(type, columns, data.slice(firstRow * rowBytes, (firstRow + count) * rowBytes));
    const bytes = new Uint8Array(writtenBytes(count, packedBytes, isInTexture));
    if (isInTexture) takingTurns(packed, packedBytes, bytes);
    else bytes.set(packed);
    writeData(device, made, 0, bytes);
    slices.push({ data: made, firstRow, rows: count });
  }
  return { weight: { name: 'w', type, rows, columns, slices }, made: slices.map((slice) => slice.data) };
}

function compare(
  { type, rows, columns, tokens }: Case,
  data: Uint8Array,
  x: Float32Array,
  got: Float32Array,
): { relative: number; worst: number } {
  const rowBytes = data.length / rows;
  let difference = 0;
  let reference = 0;
  let worst = 0;
  for (let row = 0; row < rows; row++) {
    const w = dequantizeRow(type, data.subarray(row * rowBytes, (row + 1) * rowBytes), columns);
    for (let token = 0; token < tokens; token++) {
      let want = 0;
      for (let i = 0; i < columns; i++) {
        const term = (w[i] as number) * (x[token * columns + i] as number);
        want += term;
        // What a sum of such terms is expected to be; this one may have cancelled, and its roundings have not.
        reference += term ** 2;
      }
      const delta = Math.abs((got[token * rows + row] as number) - want);
      if (Number.isNaN(delta)) return { relative: Number.NaN, worst: Number.NaN };
      difference += delta ** 2;
      worst = Math.max(worst, delta);
    }
  }
  return { relative: Math.sqrt(difference / reference), worst };
}
