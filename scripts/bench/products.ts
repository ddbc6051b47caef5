import {
  type Blocks,
  chooseBlocks,
  choosing,
  createData,
  createMulMat,
  mostRows,
  type openAdapter,
  packedRowBytes,
  patiently,
  prefersTextures,
  UNIFORM_BYTES,
  WEIGHT_TYPES,
  type Weight,
  type WeightType,
  writeData,
  writtenBytes,
} from '@llama-probe/engine/internal';
import { best, type Line } from './clock.js';
import type { Machine } from './machine.js';

type Opened = Awaited<ReturnType<typeof openAdapter>>;

const SHAPES = [
  [2048, 2048],
  [5632, 2048],
  [32000, 2048],
] as const; // rows, columns: TinyLlama's

const TARGETS: Partial<Record<`${WeightType} ${number}`, string>> = {
  'Q8_0 1': '>=0.45',
  'Q4_K 1': '>=0.30',
  'Q8_0 32': '>=0.17',
  'Q4_K 32': '>=0.17',
};

/** Each product alone: one token against the shader's read bandwidth, more against its arithmetic. */
export async function measureProducts(opened: Opened, machine: Machine, types: readonly WeightType[]): Promise<Line[]> {
  const { device, info } = opened;
  const blocks: Blocks = new Map();
  const mulMat = createMulMat(device, info, choosing(info, blocks));
  const lines: Line[] = [];
  for (const type of types) {
    for (const tokens of [1, 5, 32]) {
      await chooseBlocks(opened, blocks, [{ type, tokens, multiplications: Number.POSITIVE_INFINITY }]);
      let flop = 0;
      let bytes = 0;
      let seconds = 0;
      for (const [rows, columns] of SHAPES) {
        const weight = randomWeight(opened, type, rows, columns);
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST; // as the engine's own
        const x = device.createBuffer({ size: Math.max(tokens * columns * 4, UNIFORM_BYTES), usage });
        const dst = device.createBuffer({ size: tokens * rows * 4, usage });
        device.queue.writeBuffer(x, 0, new Float32Array(tokens * columns).fill(0.1));
        const run = async () => {
          const encoder = device.createCommandEncoder();
          const pass = encoder.beginComputePass();
          mulMat.encode(pass, weight, x, dst, tokens);
          pass.end();
          device.queue.submit([encoder.finish()]);
          await patiently(device.queue.onSubmittedWorkDone());
        };
        await run();
        seconds += await best(5, run);
        flop += 2 * rows * columns * tokens;
        bytes += (rows * columns * WEIGHT_TYPES[type].bytes) / WEIGHT_TYPES[type].elements;
        for (const buffer of [x, dst, ...weight.slices.map(({ data }) => data)]) buffer.destroy();
      }
      const target = TARGETS[`${type} ${tokens}`];
      const one = tokens === 1;
      lines.push({
        name: `${type} × ${tokens} ${one ? 'token' : 'tokens'}`,
        value: one ? bytes / seconds / 1e9 : flop / seconds / 1e9,
        unit: one ? 'GB/s' : 'GFLOP/s',
        ratio: one ? bytes / seconds / machine.read : flop / seconds / machine.fma,
        of: one ? 'shader reads' : 'shader FMA',
        ...(target && info.kind === 'llvmpipe' ? { target } : {}),
      });
    }
  }
  opened.check();
  return lines;
}

function randomWeight({ device, info }: Opened, type: WeightType, rows: number, columns: number): Weight {
  const rowBytes = packedRowBytes(type, columns);
  const asTexture = prefersTextures(info);
  const fit = mostRows(device, rowBytes, asTexture);
  const slices: Weight['slices'] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += fit) {
    const count = Math.min(fit, rows - firstRow);
    const size = writtenBytes(count, rowBytes, asTexture);
    const data = createData(device, 'bench', count, rowBytes, asTexture);
    // No NaN in any type, and nothing subnormal, which some CPUs compute with a hundred times as slowly.
    const chunk = new Uint32Array(1 << 20).map(() => ((Math.random() * 2 ** 32) & 0x3b3f3b3f) | 0x30303030);
    for (let at = 0; at < size; at += chunk.byteLength) {
      writeData(device, data, at, new Uint8Array(chunk.buffer, 0, Math.min(chunk.byteLength, size - at)));
    }
    slices.push({ data, firstRow, rows: count });
  }
  return { name: `bench ${type}`, type, rows, columns, slices };
}
