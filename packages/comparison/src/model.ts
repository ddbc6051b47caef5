import { statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GgufFile, isPlain } from '@llama-probe/engine';
import { cacheDirectory, exactModelBytes, type ModelInfo, type ReferenceMode } from '@llama-probe/reference';

/** The trained model that comes with the package; scripts/bundled-model made it. */
export const BUNDLED_MODEL = fileURLToPath(new URL('../models/smalltalk-4M-F16.gguf', import.meta.url));

export interface ChosenMode {
  readonly mode: ReferenceMode;
  readonly why: string;
}

/** `exact` where the F32 weights fit in memory and in the cache, else `native`, unless one was asked for. */
export async function chooseMode(
  asked: ReferenceMode | 'auto',
  info: Pick<ModelInfo, 'parameters'>,
): Promise<ChosenMode> {
  if (asked !== 'auto') return { mode: asked, why: 'asked for' };
  const { fits, why } = await exactFits(info);
  return { mode: fits ? 'exact' : 'native', why };
}

/** Whether the F32 weights fit in memory and in the cache. */
export async function exactFits(info: Pick<ModelInfo, 'parameters'>): Promise<{ fits: boolean; why: string }> {
  const bytes = exactModelBytes(info);
  const memory = freemem();
  if (bytes * 1.25 > memory) {
    return { fits: false, why: `the weights as F32 need ${gib(bytes)}, and ${gib(memory)} of memory are free` };
  }
  const disk = await freeDisk();
  if (bytes > disk) {
    return {
      fits: false,
      why: `the weights as F32 need ${gib(bytes)}, and ${gib(disk)} of disk are free for the cache`,
    };
  }
  return { fits: true, why: `the weights as F32 fit in memory (${gib(bytes)} of ${gib(memory)})` };
}

async function freeDisk(): Promise<number> {
  for (let directory = resolve(cacheDirectory()); ; directory = dirname(directory)) {
    try {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    } catch {
      if (dirname(directory) === directory) return Number.POSITIVE_INFINITY;
    }
  }
}

/** @example gib(1.5 * 2 ** 30) === '1.5 GiB' */
export function gib(bytes: number): string {
  return bytes < 2 ** 28 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** How many layers a model has, by its file. */
export const layersOf = ({ metadata }: Pick<GgufFile, 'metadata'>): number =>
  Number(metadata[`${metadata['general.architecture']}.block_count`] ?? 0);

/**
 * The stages of llama.cpp's run that are taken where nobody says which. The vocabulary is that of a Llama, with or without experts; of anything
 * else every node is.
 */
export const everyStage = (file: Pick<GgufFile, 'metadata' | 'tensors'>): 'vocabulary' | 'all' =>
  isPlain(file) || isMixtral(file) ? 'vocabulary' : 'all';

/** A Llama with experts. */
const isMixtral = ({ metadata }: Pick<GgufFile, 'metadata'>): boolean =>
  metadata['general.architecture'] === 'llama' && Number(metadata['llama.expert_count'] ?? 0) !== 0;

/** How many weights a file has. */
export const parameters = (file: GgufFile): number =>
  [...file.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
