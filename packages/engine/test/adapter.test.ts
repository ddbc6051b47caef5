import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { cacheEntry } from '../src/adapter/cache.js';
import { preload } from '../src/adapter/dawn.js';
import { listAdapters, NoAdapterError, openAdapter, openValidationDevice } from '../src/adapter/index.js';
import { stubLibrary } from '../src/adapter/libegl.js';
import { unpackSwiftShader, untar } from '../src/adapter/swiftshader.js';

const scratch = mkdtempSync(join(tmpdir(), 'llama-probe-adapter-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const hasSwiftShader = process.platform === 'linux' && process.arch === 'x64';
const environment = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});

/** Runs a module against the compiled package, as a user's process would. */
function run(code: string, env: Record<string, string> = {}) {
  const from = JSON.stringify(fileURLToPath(new URL('../dist/adapter/index.js', import.meta.url)));
  const module = `import { openAdapter } from ${from};\n${code}`;
  const options = { encoding: 'utf8', env: { ...environment, ...env }, timeout: 30_000 } as const;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', module], options);
}

describe('openAdapter', () => {
  test('opens something that computes, and says what it is', async () => {
    const { info, device, check, close } = await openAdapter();
    expect(info.name).not.toBe('');
    expect(['cpu', 'gpu']).toContain(info.class);
    expect(info.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 << 20);
    expect(device.limits.maxStorageBufferBindingSize).toBe(info.limits.maxStorageBufferBindingSize);
    expect(await double(device, Float32Array.of(1, 2, 3))).toEqual([2, 4, 6]);
    check();
    close();
  });

  test.runIf(hasSwiftShader)(
    'opens SwiftShader beside another adapter, and leaves the environment as it was',
    async () => {
      const before = { ...process.env };
      const first = await openAdapter();
      const second = await openAdapter({ adapter: 'swiftshader' });
      expect(second.info).toMatchObject({ kind: 'swiftshader', backend: 'Vulkan', level: 'core', class: 'cpu' });
      expect(await double(second.device, Float32Array.of(5))).toEqual([10]);
      expect(await double(first.device, Float32Array.of(7))).toEqual([14]);
      first.close();
      expect(await double(second.device, Float32Array.of(6))).toEqual([12]);
      second.close();
      expect({ ...process.env }).toEqual(before);
    },
  );

  test('check() throws what the device reported, with the label of the object', async () => {
    const { device, check, close } = await openAdapter();
    device.createShaderModule({ label: 'broken.wgsl', code: 'fn main(' });
    await device.queue.onSubmittedWorkDone();
    expect(check).toThrow(/broken\.wgsl/);
    close();
  });

  test('check() does not take closing for a loss', async () => {
    const { check, close } = await openAdapter();
    close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    check();
  });

  test('without any adapter, says so and what to do', async () => {
    process.env.LLAMA_PROBE_ADAPTERS = '';
    const error = await openAdapter().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(NoAdapterError);
    expect((error as NoAdapterError).code).toBe('no-adapter');
    expect((error as NoAdapterError).message).toMatch(/No WebGPU adapter was found[\s\S]*LLAMA_PROBE_ADAPTERS/);
  });

  test('an adapter that is not there: the error has the reason and the remedy', async () => {
    process.env.VK_DRIVER_FILES = join(scratch, 'no-driver.json');
    const error = (await openAdapter({ adapter: 'lavapipe' }).catch((error: unknown) => error)) as NoAdapterError;
    expect(error.code).toBe('no-adapter');
    for (const { reason, remedy } of error.tried) {
      expect(reason).not.toBe('');
      expect(error.message).toContain(remedy);
    }
  });
});

describe('a process', () => {
  const kinds = ['auto', ...(hasSwiftShader ? ['swiftshader'] : [])];

  test.each(kinds)('ends by itself after close(), with %s', (kind) => {
    const { status, signal, stdout, stderr } = run(`(await openAdapter({ adapter: '${kind}' })).close();`);
    expect({ status, signal, stdout, stderr }).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  });

  test.each(kinds)('ends without a crash if it closes nothing and keeps nothing, with %s', (kind) => {
    const code = `
      const { device } = await openAdapter({ adapter: '${kind}' });
      let garbage = [];
      for (let i = 0; i < 2e6; i++) garbage.push({ i });
      garbage = [];
      device.createBuffer({ size: 1e12, usage: GPUBufferUsage.STORAGE });
      await device.queue.onSubmittedWorkDone();`;
    const { status, signal, stdout } = run(code);
    expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: '' });
  });

  test.each(kinds)('keeps nothing of a device that was closed, with %s', (kind) => {
    const code = `
      let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      const use = async () => {
        const { device, close } = await openAdapter({ adapter: '${kind}' });
        registry.register(device);
        close();
      };
      for (let i = 0; i < 3; i++) await use();
      for (let i = 0; i < 100 && collected < 3; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(collected);`;
    expect(run(code, { NODE_OPTIONS: '--expose-gc' })).toMatchObject({ status: 0, stdout: '3\n' });
  });

  test.runIf(hasSwiftShader)('several at once fill an empty cache', async () => {
    const cache = join(scratch, 'shared');
    const probe = fileURLToPath(new URL('../dist/adapter/list-child.js', import.meta.url));
    const env = { ...environment, LLAMA_PROBE_CACHE: cache };
    const found = await Promise.all(
      [1, 2, 3].map(() => promisify(execFile)(process.execPath, [probe, 'swiftshader'], { env })),
    );
    for (const { stdout } of found) expect(JSON.parse(stdout)).toMatchObject({ found: true, reason: 'works' });
    expect(readdirSync(cache).filter((name) => name.startsWith('swiftshader'))).toHaveLength(1);
  });
});

test('listAdapters has every kind, with a reason', async () => {
  vi.stubEnv('LLAMA_PROBE_ADAPTERS', undefined); // also where the suite was given one kind only
  const adapters = await listAdapters().finally(() => vi.unstubAllEnvs());
  expect(adapters.map(({ kind }) => kind)).toEqual(['gpu', 'llvmpipe', 'lavapipe', 'swiftshader']);
  for (const { found, info, reason, remedy } of adapters) {
    expect(reason).not.toBe('');
    if (found) expect(info?.name).not.toBe('');
    else expect(remedy).toBeDefined();
  }
});

test('the validation device finds errors in WGSL without an adapter', async () => {
  const { device, close } = await openValidationDevice();
  device.pushErrorScope('validation');
  device.createShaderModule({ code: 'fn main() {\n  let x: u32 = -1;\n}' });
  expect((await device.popErrorScope())?.message).toMatch(/:2:16/);
  close();
});

describe('the cache', () => {
  test.runIf(hasSwiftShader)('has SwiftShader, unpacked once', () => {
    process.env.LLAMA_PROBE_CACHE = join(scratch, 'cache');
    const { loader, manifest } = unpackSwiftShader();
    expect(existsSync(loader)).toBe(true);
    expect(existsSync(manifest)).toBe(true);
    expect(unpackSwiftShader()).toEqual({ loader, manifest });
    expect(readdirSync(join(scratch, 'cache'))).toHaveLength(1);
  });

  const unwritable = () => {
    const file = join(mkdtempSync(join(scratch, 'unwritable-')), 'file');
    writeFileSync(file, '');
    return join(file, 'below a file');
  };

  test('is a new folder of temporary files where it cannot be written, the same all along', () => {
    process.env.LLAMA_PROBE_CACHE = unwritable();
    const [one, two] = ['one', 'two'].map((name) => cacheEntry(name, () => ({ a: Uint8Array.of(1) })));
    expect(one?.startsWith(tmpdir())).toBe(true);
    expect(dirname(one as string)).toBe(dirname(two as string));
    expect(readdirSync(one as string)).toEqual(['a']);
    expect(cacheEntry('one', () => ({}))).toBe(one);
  });

  test('takes no folder of temporary files that was there before, whoever made it', () => {
    process.env.LLAMA_PROBE_CACHE = unwritable();
    const planted = join(tmpdir(), `llama-probe-${process.getuid?.()}`);
    const name = `planted-${process.pid}`;
    mkdirSync(join(planted, name), { recursive: true });
    writeFileSync(join(planted, name, 'libEGL.so'), 'somebody else’s');
    try {
      const entry = cacheEntry(name, () => ({ 'libEGL.so': Uint8Array.of(1) }));
      expect(entry).not.toBe(join(planted, name));
      expect([...readFileSync(join(entry, 'libEGL.so'))]).toEqual([1]);
    } finally {
      rmSync(join(planted, name), { recursive: true });
    }
  });

  test.each([
    ['a folder that others may write to', (at: string) => chmodSync(at, 0o777)],
    [
      'a link',
      (at: string) => {
        renameSync(at, `${at}-elsewhere`);
        symlinkSync(`${at}-elsewhere`, at);
      },
    ],
  ])('takes no entry that is %s', (_, change) => {
    process.env.LLAMA_PROBE_CACHE = mkdtempSync(join(scratch, 'changed-'));
    const first = cacheEntry('x', () => ({ a: Uint8Array.of(1) }));
    change(first);
    const second = cacheEntry('x', () => ({ a: Uint8Array.of(2) }));
    expect(second).not.toBe(first);
    expect([...readFileSync(join(second, 'a'))]).toEqual([2]);
  });

  test('keeps nothing of an entry that could not be made', () => {
    const folder = join(scratch, 'failing');
    process.env.LLAMA_PROBE_CACHE = folder;
    expect(() =>
      cacheEntry('x', () => {
        throw new Error('no such package');
      }),
    ).toThrow('no such package');
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });
});

test.runIf(hasSwiftShader)('a stub library loads, and needs what it says', () => {
  const file = join(scratch, 'stub.so');
  writeFileSync(file, stubLibrary('libnothing.so', 'libm.so.6', 62));
  chmodSync(file, 0o600);
  expect(preload(file)).toBeUndefined();
  expect(preload('libnothing.so')).toBeUndefined();
  const broken = join(scratch, 'broken.so');
  writeFileSync(broken, stubLibrary('libbroken.so', 'libnowhere.so.1', 62));
  expect(preload(broken)).toContain('libnowhere.so.1');
});

test('untar reads names and sizes', () => {
  const header = Buffer.alloc(512);
  header.write('./a.txt');
  header.write('00000000003\0', 124);
  header.write('0', 156);
  const archive = Buffer.concat([header, Buffer.from('abc'), Buffer.alloc(509 + 1024)]);
  expect([...untar(archive)].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([['a.txt', 'abc']]);
});

async function double(device: GPUDevice, values: Float32Array<ArrayBuffer>): Promise<number[]> {
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] *= 2.0; }`;
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: values.byteLength, usage });
  const readback = device.createBuffer({
    size: values.byteLength,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, values);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] }),
  );
  pass.dispatchWorkgroups(values.length);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, readback, 0, values.byteLength);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  return [...new Float32Array(readback.getMappedRange())];
}
