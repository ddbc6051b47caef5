import { LlamaCppError, QuantizeError } from '../errors.js';
import { type Lease, openLibraries } from '../process/lease.js';
import type { ModelInfo } from '../process/protocol.js';
import { availableCores } from '../process/threads.js';
import { cached } from './cache.js';
import { checkModelFiles, modelFiles } from './files.js';
import { ftypeOf } from './ftypes.js';

export interface QuantizeOptions {
  model: string;
  /** A type (`Q8_0`, `Q4_K`: every matrix in it) or one of llama.cpp's mixes (`Q4_K_M`). */
  type: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((message: string) => void) | undefined;
  /** Where llama.cpp's libraries are, instead of node-llama-cpp's package. */
  libraries?: string | undefined;
}

/**
 * The path of a model quantised by llama.cpp itself; made once, then cached by content.
 *
 * @throws QuantizeError, ModelError, CrashError
 * @example await quantizeModel({ model: 'model-F16.gguf', type: 'Q4_K' })
 */
export async function quantizeModel({ model, type, signal, onProgress, libraries }: QuantizeOptions): Promise<string> {
  ftypeOf(type);
  const paths = await checkModelFiles(model);
  const child = await openLibraries({ directory: libraries }, { signal, onLog: progressFromLog(type, onProgress) });
  try {
    const { version } = child.library;
    const info = await child.request('describe', { paths });
    return await quantizeWith(child, { model: paths[0], type, version, info, signal, onProgress });
  } finally {
    await child.close();
  }
}

/** The same in a process that is already there. */
export function quantizeWith(
  child: Lease,
  options: QuantizeOptions & { version: string; info: ModelInfo },
): Promise<string> {
  const { model, version, info, signal, onProgress } = options;
  const { name, ftype, pure, importance = false } = ftypeOf(options.type);
  const make = async (target: string) => {
    try {
      if (importance)
        onProgress?.(`${name} wants an importance matrix: every column is taken for as important as the others`);
      await child.request('quantize', {
        source: modelFiles(model),
        target,
        ftype,
        pure,
        importance,
        threads: availableCores(),
      });
    } catch (error) {
      if (!(error instanceof LlamaCppError) || error.code !== 'quantize-failed') {
        await child.close({ isBusy: true }); // while it lives it may still create the file that is about to be removed
        throw error;
      }
      throw new QuantizeError(
        'quantize-failed',
        `${model}: llama.cpp could not make ${name} of it. It says:\n${error.message}`,
        { cause: error },
      );
    }
  };
  return cached(model, `${name}-${version}`, estimatedBytes(name, info.parameters), make, { signal, onProgress });
}

/** Bytes of the F32 file, and about of its weights in memory, that the exact reference needs. */
export function exactModelBytes(info: Pick<ModelInfo, 'parameters'>): number {
  return info.parameters * 4;
}

function estimatedBytes(type: string, parameters: number): number {
  const bits = Number(/\d+/.exec(type)?.[0]) + (type.includes('Q') ? 1 : 0);
  return (parameters * bits) / 8;
}

/** llama.cpp logs `[ 12/ 201] blk.1.attn_k.weight …` for each tensor. */
export function progressFromLog(
  type: string,
  onProgress: ((message: string) => void) | undefined,
): (line: string) => void {
  return (line) => {
    const [, done, all] = /^\[\s*(\d+)\/\s*(\d+)\]/.exec(line) ?? [];
    if (done) onProgress?.(`making ${type.toUpperCase()}: tensor ${done} of ${all}`);
  };
}
