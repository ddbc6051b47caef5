import { statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GgufFile, isPlain, type TensorInfo } from '@llama-probe/engine';
import type { OpenOptions } from '@llama-probe/import';
import {
  blockwise,
  cacheDirectory,
  chooseExactBy,
  type ExactBy,
  type ExactWay,
  type ReferenceMode,
} from '@llama-probe/reference';
import type { ModeChoice } from './options.js';

/** The trained model that comes with the package; scripts/bundled-model made it. */
export const BUNDLED_MODEL = fileURLToPath(new URL('../models/smalltalk-4M-F16.gguf', import.meta.url));

export interface ChosenMode {
  readonly mode: ReferenceMode;
  readonly why: string;
  /** How the exact weights are evaluated, where that was asked for. */
  readonly exactBy?: ExactBy | undefined;
}

type Weights = Pick<GgufFile, 'path' | 'metadata' | 'tensors'>;

/** `exact` where the F32 weights fit in memory and in the cache, all of them or those of a block, else `native`, unless one was asked for. */
export async function chooseMode(asked: ModeChoice, file: Weights, exactBy?: ExactBy): Promise<ChosenMode> {
  if (asked === 'native') return { mode: asked, why: 'asked for' };
  if (asked === 'exact') {
    const { why, isNotable } = exactWay(file, exactBy);
    return { mode: asked, why: isNotable ? `asked for; ${why}` : 'asked for', exactBy };
  }
  const { fits, why } = await exactFits(file, exactBy);
  return { mode: fits ? 'exact' : 'native', why, exactBy };
}

/** How a file's exact weights are evaluated. @throws ModelError `exact-by-block` */
export function exactWay(file: Weights, asked?: ExactBy): ExactWay {
  const tensors = [...file.tensors.values()];
  const architecture = String(file.metadata['general.architecture'] ?? 'an unknown architecture');
  return chooseExactBy(
    {
      file: basename(file.path),
      parameters: countOf(tensors),
      allF32: tensors.every(({ type }) => type.name === 'F32'),
      blockwise: blockwise({ architecture, metadata: file.metadata, tensors }),
    },
    asked,
  );
}

/** Whether the F32 weights fit in memory and in the cache. */
export async function exactFits(file: Weights, exactBy?: ExactBy): Promise<{ fits: boolean; why: string }> {
  const { by, bytes, why, isNotable } = exactWay(file, exactBy);
  const memory = freemem();
  const what = isNotable ? `the weights as F32 (${why})` : 'the weights as F32';
  if (bytes * 1.25 > memory) {
    return { fits: false, why: `${what} need ${gib(bytes)}, and ${gib(memory)} of memory are free` };
  }
  if (by === 'block') return { fits: true, why: `the weights as F32 fit in memory ${why}` };
  const disk = await freeDisk();
  if (bytes > disk) {
    return {
      fits: false,
      why: `${what} need ${gib(bytes)}, and ${gib(disk)} of disk are free for the cache`,
    };
  }
  return { fits: true, why: `${what} fit in memory (${gib(bytes)} of ${gib(memory)})` };
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

/** What a model's file says that a file of its run may leave out. */
export function knownByModel(file: Pick<GgufFile, 'metadata'>): Pick<OpenOptions, 'modelLayers' | 'vocabulary'> {
  const { metadata } = file;
  const tokens = metadata['tokenizer.ggml.tokens'];
  const told = Number(metadata[`${metadata['general.architecture']}.vocab_size`]);
  const count = Array.isArray(tokens) && tokens.length > 0 ? tokens.length : told;
  return { modelLayers: layersOf(file), vocabulary: Number.isInteger(count) ? count : undefined };
}

/**
 * The stages of llama.cpp's run that are taken where nobody says which. The vocabulary is that of a Llama, with or without experts; of anything
 * else every node is.
 */
export const everyStage = (file: Pick<GgufFile, 'metadata' | 'tensors'>): 'vocabulary' | 'all' =>
  isPlain(file) || isMixtral(file) ? 'vocabulary' : 'all';

/** A Llama with experts. */
const isMixtral = ({ metadata }: Pick<GgufFile, 'metadata'>): boolean =>
  metadata['general.architecture'] === 'llama' && Number(metadata['llama.expert_count'] ?? 0) !== 0;

const countOf = (tensors: readonly TensorInfo[]): number =>
  tensors.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
