import { RunError } from '../errors.js';
import { type Attempt, attempts, DAWN_BACKEND } from './attempts.js';
import { createInstance, setEnvironment } from './dawn.js';
import { type AdapterInfo, type AdapterKind, describeAdapter, FEATURES, LIMITS } from './info.js';
import { leave, takeIdle } from './keep.js';
import { captureStderr } from './quiet.js';
import { unbindAll } from './unbind.js';

export interface OpenedAdapter {
  info: AdapterInfo;
  device: GPUDevice;
  /**
   * Throws the first error that the device reported outside every error scope, or that the device is lost.
   * Call it after awaiting results: numbers computed past an error are worthless.
   */
  check(): void;
  /** Destroys the device. The process can then end; another adapter can be opened. */
  close(): void;
  /** Leaves the device to whoever opens the same next, where devices are kept (keep.ts). Every buffer that was made on it must have been destroyed. */
  leave(): void;
}

/** A device, whoever has it. */
interface Device {
  readonly info: AdapterInfo;
  readonly device: GPUDevice;
  readonly state: DeviceState;
}

/** What was tried, and what came of it. */
export interface Tried {
  kind: AdapterKind;
  backend: string;
  reason: string;
  remedy: string;
}

/** There is no adapter of the kind asked for. `message` says what was tried, why each failed, and what to install. */
export class NoAdapterError extends Error {
  override readonly name = 'NoAdapterError';
  readonly code = 'no-adapter';
  constructor(
    asked: AdapterKind | 'auto',
    readonly tried: Tried[],
  ) {
    super(
      [
        asked === 'auto' ? 'No WebGPU adapter was found.' : `No ${asked} adapter was found.`,
        ...tried.map(({ kind, backend, reason, remedy }) => `  ${kind} (${backend}): ${reason}\n    remedy: ${remedy}`),
        ...(tried.length === 0 ? [`  ${nothingTried(asked)}`] : []),
      ].join('\n'),
    );
  }
}

function nothingTried(asked: AdapterKind | 'auto'): string {
  if (process.env.LLAMA_PROBE_ADAPTERS !== undefined) {
    return `LLAMA_PROBE_ADAPTERS is '${process.env.LLAMA_PROBE_ADAPTERS}', which leaves nothing to try. Unset it.`;
  }
  return `There is no ${asked === 'auto' ? 'adapter' : asked} on ${process.platform}-${process.arch}. Use --adapter auto, or another machine.`;
}

let opening: Promise<unknown> = Promise.resolve();

/**
 * Opens the best adapter of this machine: a real GPU, llvmpipe, lavapipe, SwiftShader, in this order, or the kind asked for.
 * The device has the highest limits and all useful features the adapter offers. The user sets no environment variables.
 *
 * @throws NoAdapterError (code `no-adapter`) saying what was tried and what to install.
 * @example const { device, info, close } = await openAdapter({ adapter: 'swiftshader' });
 */
export async function openAdapter({
  adapter = 'auto',
}: {
  adapter?: AdapterKind | 'auto';
} = {}): Promise<OpenedAdapter> {
  // Drivers read the environment of the process: one at a time.
  const key = JSON.stringify([adapter, environment()]);
  const turn = opening.then(async () => {
    const kept = takeIdle<Device>(key);
    return lend(kept && !kept.state.failure ? kept : await openFirst(adapter), key); // one that was lost meanwhile is of no use
  });
  opening = turn.then(
    () => {}, // nothing is kept of what was opened
    () => {},
  );
  return turn;
}

/** What drivers read, and which adapters are wanted: of this project's variables nothing else says which device is opened. */
const environment = () =>
  Object.entries(process.env).filter(([name]) => !name.startsWith('LLAMA_PROBE_') || name === 'LLAMA_PROBE_ADAPTERS');

/** A device for whoever opened it, until it is closed or left. */
function lend(one: Device, key: string): OpenedAdapter {
  const { info, device, state } = one;
  let isOver = false;
  const end = (how: () => void) => {
    if (!isOver) how();
    isOver = true;
  };
  const destroy = () => {
    state.closed = true;
    if (info.backend === 'OpenGL ES' && !state.failure) unbindAll(device);
    device.destroy();
  };
  return {
    info,
    device,
    check() {
      if (state.failure) throw state.failure;
    },
    close: () => end(destroy),
    leave: () => end(() => (state.failure ? destroy() : leave({ key, device: one, destroy }))),
  };
}

async function openFirst(asked: AdapterKind | 'auto'): Promise<Device> {
  const tried: Tried[] = [];
  for (const attempt of attempts()) {
    if (asked !== 'auto' && asked !== attempt.kind) continue;
    const opened = await tryToOpen(attempt, asked !== 'auto').catch((error: unknown) => String(error));
    if (typeof opened !== 'string') return opened;
    tried.push({ kind: attempt.kind, backend: attempt.backend, reason: opened, remedy: attempt.remedy });
  }
  throw new NoAdapterError(asked, tried);
}

/** The open adapter, or why there is none. */
async function tryToOpen(attempt: Attempt, asked: boolean): Promise<Device | string> {
  const prepared = attempt.prepare(asked);
  if ('reason' in prepared) return prepared.reason;
  const restore = setEnvironment(prepared.environment);
  try {
    const gpu = await createInstance([`backend=${DAWN_BACKEND[attempt.backend]}`]);
    const { result, text } = await captureStderr(() =>
      gpu.requestAdapter({
        powerPreference: 'high-performance',
        featureLevel: attempt.backend === 'OpenGL ES' ? 'compatibility' : 'core',
      }),
    );
    const adapter = await result;
    if (!adapter) return firstLine(text) || 'no driver answers';
    if (!attempt.accepts(adapter)) return `only ${adapter.info.device} answers`;
    return await openDevice(adapter, describeAdapter(adapter, attempt.kind, attempt.backend));
  } finally {
    restore();
  }
}

async function openDevice(adapter: GPUAdapter, info: AdapterInfo): Promise<Device> {
  const device = await adapter.requestDevice({
    label: info.name,
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  return { info, device, state: watch(device, info.name) };
}

interface DeviceState {
  /** The first error outside every error scope, or that the device was lost. */
  failure?: Error;
  closed: boolean;
}

/**
 * Keeps what a device reports. Dawn holds the listeners for as long as the device: one that could reach the device, by anything that
 * this function's scope holds, would keep both for ever, with 3 MiB of the driver's.
 */
function watch(device: GPUDevice, name: string): DeviceState {
  const state: DeviceState = { closed: false };
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault(); // or Dawn prints it on standard output
    const { error } = event as GPUUncapturedErrorEvent;
    state.failure ??=
      error instanceof GPUOutOfMemoryError
        ? new RunError(
            'out-of-memory',
            `${name} is out of memory: ${error.message}. Use a smaller model or fewer tokens.`,
          )
        : new RunError('device-error', `${name} reports: ${error.message}`);
  });
  void device.lost.then(({ message }) => {
    if (state.closed) return;
    state.failure ??= new RunError(
      'device-lost',
      `${name} was lost: ${message}. Another program may have reset it or used up its memory; try again, or use another --adapter.`,
    );
  });
  return state;
}

/** Dawn's warning without its first word and its stack. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/^Warning: /, '');
}
