import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCapture } from '@llama-probe/comparison';
import { COMPUTED } from '@llama-probe/engine';
import {
  completeArchitecture,
  type GgufParts,
  type LlamaSizes,
  randomFrom,
  TINY_ARCHITECTURES,
  type TinyArchitecture,
  text,
  tinyLlama,
  writeGguf,
} from '@llama-probe/testing';
import type { Models } from './run/architectures.js';

/** Longer than the windows of the tiny models. */
const TOKENS = [1, 40, 41, 26, 37, 43, 28, 41, 28, 40, 36, 27];
const STEPS = 2;

/**
 * Writes a tiny model of every architecture that the engine computes, and llama.cpp's rows of each stage with what its limits follow from, as
 * `probe capture --from llama --reference exact` does.
 *
 * @throws Error for an architecture that has no tiny model: then the pack would not check every one
 */
export async function writeModels(folder: string, say: (message: string) => void): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const name of COMPUTED) {
    say(`llama.cpp's rows of ${name}`);
    const model = join(folder, `${name}.gguf`);
    writeFileSync(model, writeGguf(tinyModel(name)).bytes);
    const what = {
      from: 'llama',
      model,
      tokens: TOKENS.join(),
      steps: STEPS,
      out: join(folder, `${name}.arrow`),
    } as const;
    const how = { reference: 'exact', exactBy: 'auto', adapter: 'auto' } as const;
    await runCapture({ ...what, ...how }, { say: () => {} }, new AbortController().signal);
  }
  const about: Models = { architectures: COMPUTED };
  writeFileSync(join(folder, 'models.json'), `${JSON.stringify(about, null, 2)}\n`);
}

const LLAMA: LlamaSizes = {
  layers: 3,
  embd: 64,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ff: 96,
  vocab: 64,
  context: 128,
};

/** Those that are a Llama but for a few parts, and have them. */
const LLAMAS: Readonly<Record<string, Partial<LlamaSizes>>> = {
  llama: { ropeFreqs: true },
  qwen2: { architecture: 'qwen2', biases: true, tied: true },
};

/** The tiny model of an architecture, the same one each time. */
export function tinyModel(name: string): GgufParts {
  if (LLAMAS[name]) {
    const parts = tinyLlama({ ...LLAMA, ...LLAMAS[name] }, randomFrom(5));
    return { ...parts, metadata: { ...parts.metadata, 'tokenizer.ggml.model': text('no_vocab') } };
  }
  const known = TINY_ARCHITECTURES.find((one): one is TinyArchitecture => one === name);
  if (known) return completeArchitecture(known);
  throw new Error(`the engine computes ${name}, of which there is no tiny model: add one to packages/testing/src/tiny`);
}
