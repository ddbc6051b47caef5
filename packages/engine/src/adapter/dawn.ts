import { constants } from 'node:os';

type Webgpu = typeof import('webgpu');

let webgpu: Promise<Webgpu> | undefined;

/** The npm package `webgpu`, with WebGPU's constants (`GPUBufferUsage`, …) made global. */
export function loadDawn(): Promise<Webgpu> {
  webgpu ??= import('webgpu').then((module) => {
    Object.assign(globalThis, module.globals);
    return module;
  });
  return webgpu;
}

// Dawn polls its instance from a timer after the JavaScript object is gone, and crashes: instances live as long as the process.
const keptAlive: GPU[] = [];
Object.assign(globalThis, { [Symbol.for('llama-probe.instances')]: keptAlive });

/** A Dawn instance of its own. @param flags as dawn.node takes them: `backend=vulkan`. */
export async function createInstance(flags: string[]): Promise<GPU> {
  const { create } = await loadDawn();
  const gpu = create(flags);
  keptAlive.push(gpu);
  return gpu;
}

const RTLD_NODELETE = 0x1000;

/**
 * Loads a shared library for good and for everybody, so that a later dlopen of its name finds it.
 *
 * @returns why it cannot be loaded, or undefined.
 */
export function preload(library: string): string | undefined {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, library, (RTLD_NOW ?? 2) | (RTLD_GLOBAL ?? 0x100) | RTLD_NODELETE);
  } catch (error) {
    const message = (error as Error).message;
    // It is no Node addon, which Node finds out only after the library has been loaded.
    if (!message.includes('did not self-register')) return message;
  }
  return undefined;
}

/** Sets variables in the C environment, which drivers read, until the returned function is called. */
export function setEnvironment(variables: Record<string, string>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
