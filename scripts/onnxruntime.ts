/**
 * Products of Q4_0 weights, ours and onnxruntime's (its WebGPU provider, MatMulNBits), on the same Vulkan adapter: how many times as fast ours are, by turns, the best of several runs each, and that both
 * say the same.
 *
 *   node scripts/dist/onnxruntime.js [--adapter swiftshader|lavapipe|gpu] [--shapes 2048x2048,5632x2048] [--tokens 1,5,32] [--times 7] [--folder dumps/onnxruntime]
 *
 * It installs onnxruntime-node into the folder, where it is not there yet: it is no part of the project. onnxruntime finds adapters by itself, over Vulkan; llvmpipe, which is OpenGL ES, it does not.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AdapterKind } from '@llama-probe/engine';
import {
  choosing,
  createMulMat,
  openAdapter,
  patiently,
  prefersTextures,
  UNIFORM_BYTES,
  unpackSwiftShader,
} from '@llama-probe/engine/internal';
import { randomFrom } from '@llama-probe/testing';
import { uploadWeight } from '@llama-probe/testing/kernels';
import { matMulNBits } from './onnxruntime/model.js';
import { type Product, randomProduct } from './onnxruntime/product.js';

const VERSION = '1.30.0';
const { values } = parseArgs({
  options: {
    adapter: { type: 'string', default: 'swiftshader' },
    shapes: { type: 'string', default: '2048x2048' },
    tokens: { type: 'string', default: '1,5,32' },
    times: { type: 'string', default: '7' },
    folder: { type: 'string', default: fileURLToPath(new URL('../../dumps/onnxruntime', import.meta.url)) },
  },
});

const folder = resolve(values.folder);
install(folder);
const opened = await openAdapter({ adapter: values.adapter as AdapterKind });
console.log(`${opened.info.name}, ${opened.info.backend}; onnxruntime-node ${VERSION}\n`);
console.log('rows × columns × tokens        ours   onnxruntime   times as fast   apart');
const other = fork(fileURLToPath(new URL('onnxruntime/child.js', import.meta.url)), [folder], {
  env: vulkanOf(values.adapter),
  serialization: 'advanced',
});
let isRight = true;
for (const shape of values.shapes.split(',')) {
  const [rows, columns] = shape.split('x').map(Number) as [number, number];
  for (const tokens of values.tokens.split(',').map(Number)) {
    const product = randomProduct({ rows, columns, tokens }, randomFrom(1));
    const our = ours(product);
    const theirs = await ask<Float32Array>(other, { model: matMulNBits(product), x: product.x, tokens, columns });
    const apart = distance(await our.result(), theirs);
    const shortest = { ours: Number.POSITIVE_INFINITY, theirs: Number.POSITIVE_INFINITY };
    for (let time = 0; time < Number(values.times); time++) {
      shortest.ours = Math.min(shortest.ours, await our.run());
      shortest.theirs = Math.min(shortest.theirs, await ask<number>(other, 'run'));
    }
    our.free();
    isRight &&= apart < 1e-5;
    const rate = (milliseconds: number) => `${((2 * rows * columns * tokens) / milliseconds / 1e6).toFixed(2)} GFLOP/s`;
    const name = `${rows} × ${columns} × ${tokens}`.padEnd(22);
    const times = (shortest.theirs / shortest.ours).toFixed(2);
    console.log(
      `${name}${rate(shortest.ours).padStart(14)}${rate(shortest.theirs).padStart(14)}${times.padStart(12)}${apart.toExponential(1).padStart(14)}`,
    );
  }
}
other.kill();
opened.close();
if (!isRight) {
  console.error('the two do not say the same: more than 1e-5 apart');
  process.exitCode = 1;
}

function install(into: string): void {
  if (existsSync(join(into, 'node_modules', 'onnxruntime-node'))) return;
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'package.json'), '{ "private": true }\n');
  process.stderr.write(`installing onnxruntime-node ${VERSION} into ${into} …\n`);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `onnxruntime-node@${VERSION}`], {
    cwd: into,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The environment in which another program finds the same adapter. */
function vulkanOf(adapter: string): NodeJS.ProcessEnv {
  if (adapter !== 'swiftshader') return process.env;
  const { loader, manifest } = unpackSwiftShader();
  return { ...process.env, VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest, LD_LIBRARY_PATH: dirname(loader) };
}

function ask<Answer>(child: ChildProcess, question: unknown): Promise<Answer> {
  return new Promise((done, failed) => {
    const ended = (code: number | null, signal: string | null) =>
      failed(new Error(`onnxruntime's process has ended (${signal ?? code})`));
    child.once('exit', ended);
    child.once('message', (answer: { value: Answer } | { error: string }) => {
      child.off('exit', ended);
      if ('error' in answer) failed(new Error(`onnxruntime: ${answer.error}`));
      else done(answer.value);
    });
    child.send(question as object);
  });
}

function ours({ rows, columns, tokens, weights, x }: Product) {
  const { device, info } = opened;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const isInTexture = prefersTextures(info);
  const { weight, made } = uploadWeight(device, { type: 'Q4_0', rows, columns, isInTexture }, weights);
  const [input, output] = [x.byteLength, tokens * rows * 4].map((bytes) =>
    device.createBuffer({ size: Math.max(bytes, UNIFORM_BYTES), usage }),
  ) as [GPUBuffer, GPUBuffer];
  device.queue.writeBuffer(input, 0, x as Float32Array<ArrayBuffer>);
  const mulMat = createMulMat(device, info, choosing(info));
  const run = async (readback?: GPUBuffer) => {
    const begin = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    mulMat.encode(pass, weight, input, output, tokens);
    pass.end();
    if (readback) encoder.copyBufferToBuffer(output, 0, readback, 0, readback.size);
    device.queue.submit([encoder.finish()]);
    await patiently(device.queue.onSubmittedWorkDone());
    return performance.now() - begin;
  };
  return {
    run: () => run(),
    async result(): Promise<Float32Array> {
      const readback = device.createBuffer({
        size: tokens * rows * 4,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      await run(readback);
      await patiently(readback.mapAsync(GPUMapMode.READ));
      const got = new Float32Array(readback.getMappedRange().slice(0));
      readback.destroy();
      opened.check();
      return got;
    },
    free() {
      for (const one of [...made, input, output]) one.destroy();
    },
  };
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let [difference, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (b[i] as number) ** 2;
  }
  return Math.sqrt(difference / size);
}
