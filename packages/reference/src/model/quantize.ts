import { statSync } from 'node:fs';
import { LlamaCppError, QuantizeError } from '../errors.js';
import { type Lease, openLibraries } from '../process/lease.js';
import type { ModelInfo } from '../process/protocol.js';
import { availableCores } from '../process/threads.js';
import { cached, contentHash } from './cache.js';
import { checkModelFiles, modelFiles } from './files.js';
import { ftypeOf } from './ftypes.js';

export interface QuantizeOptions {
  model: string;
  /** A type (`Q8_0`, `Q4_K`: every matrix in it) or one of llama.cpp's mixes (`Q4_K_M`). */
  type: string;
  /** A file of llama.cpp's imatrix tool, GGUF or `.dat`: which columns of the model's matrices are important. */
  imatrix?: string | undefined;
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
export async function quantizeModel(options: QuantizeOptions): Promise<string> {
  const { model, type, imatrix, signal, onProgress, libraries } = options;
  ftypeOf(type);
  if (imatrix !== undefined) checkImatrix(imatrix, type);
  const paths = await checkModelFiles(model);
  const child = await openLibraries({ directory: libraries }, { signal, onLog: progressFromLog(type, onProgress) });
  try {
    const { version } = child.library;
    const info = await child.request('describe', { paths });
    return await quantizeWith(child, { model: paths[0], type, imatrix, version, info, signal, onProgress });
  } finally {
    await child.close();
  }
}

/** The same in a process that is already there. */
export async function quantizeWith(
  child: Lease,
  options: QuantizeOptions & { version: string; info: ModelInfo },
): Promise<string> {
  const { model, imatrix, version, info, signal, onProgress } = options;
  const { name, ftype, pure, importance = false } = ftypeOf(options.type);
  const make = async (target: string) => {
    try {
      if (importance && imatrix === undefined)
        onProgress?.(`${name} wants an importance matrix: every column is taken for as important as the others`);
      const recipe = { ftype, pure, importance, imatrix, threads: availableCores() };
      const even = await child.request('quantize', { source: modelFiles(model), target, ...recipe });
      if (even.length > 0 && imatrix !== undefined) {
        const more = even.length > 2 ? ` and ${even.length - 2} more` : '';
        onProgress?.(
          `${imatrix} has nothing of ${even.slice(0, 2).join(', ')}${more}: every column is taken for as important as the others`,
        );
      }
    } catch (error) {
      if (error instanceof QuantizeError) throw error;
      if (!(error instanceof LlamaCppError) || error.code !== 'quantize-failed') {
        await child.close({ isBusy: true }); // while it lives it may still create the file that is about to be removed
        throw error;
      }
      const remedy = error.message.includes('has invalid data')
        ? `\nWeights of the file are NaN or infinite, with which no engine is right: download or convert the model again. probe weights --model ${model} says which they are.`
        : '';
      throw new QuantizeError(
        'quantize-failed',
        `${model}: llama.cpp could not make ${name} of it. It says:\n${error.message}${remedy}`,
        { cause: error },
      );
    }
  };
  const by = imatrix === undefined ? name : `${name}-imatrix-${(await contentHash(imatrix)).slice(0, 16)}`;
  return cached(model, `${by}-${version}`, estimatedBytes(name, info.parameters), make, { signal, onProgress });
}

/** Floats are made without importances. @throws QuantizeError */
function checkImatrix(path: string, type: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new QuantizeError(
      'imatrix-not-found',
      `--imatrix: ${path}: no such file. Give what llama-imatrix has written, or a text (.txt).`,
    );
  }
  if (/^B?F(16|32)$/i.test(type)) {
    throw new QuantizeError(
      'imatrix-type',
      `--imatrix: ${type.toUpperCase()} is made without importances. Leave it out, or make a quantised type.`,
    );
  }
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
