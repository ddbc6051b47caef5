import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseGguf, u32, writeGguf } from '@llama-probe/testing';
import { test } from 'vitest';
import { path, probeJson } from './probe.js';

export const BUNDLED = fileURLToPath(
  new URL('../../packages/comparison/models/smalltalk-4M-F16.gguf', import.meta.url),
);

/** The bundled model with only the first of its blocks, for what takes a run for each of them. */
export function firstBlocks(count: number): string {
  const model = parseGguf(readFileSync(BUNDLED));
  const { data } = model;
  const begins = [...model.tensors.map(({ offset }) => Number(offset)), data.length].sort((a, b) => a - b);
  model.tensors = model.tensors.filter(({ name }) => Number(/^blk\.(\d+)/.exec(name)?.[1] ?? 0) < count);
  model.metadata['llama.block_count'] = u32(count);
  let length = 0;
  const kept = model.tensors.map((tensor) => {
    const begin = Number(tensor.offset);
    const bytes = data.subarray(
      begin,
      begins.find((other) => other > begin),
    );
    tensor.offset = BigInt(length);
    length += bytes.length;
    return bytes;
  });
  const file = path(`smalltalk-${count}-blocks-F16.gguf`);
  writeFileSync(file, writeGguf({ ...model, data: Buffer.concat(kept) }).bytes);
  return file;
}

/** The types that the engine computes with and llama.cpp makes without an importance matrix; test/random-blocks.test.ts has the others. */
export const TYPES = [
  ...(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'] as const),
  ...(['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'IQ4_XS', 'MXFP4'] as const),
  ...(['IQ3_S', 'TQ1_0', 'TQ2_0', 'Q1_0', 'Q2_0'] as const),
];

/** Models from outside. They are no part of the project: the variable says where they are. */
const FOLDER = process.env.LLAMA_PROBE_MODELS;
export const THIRD_PARTY = ['stories260K-F32.gguf', 'ggml-org-stories260K.gguf', 'babyllama-tok361-F32.gguf'] as const;

/** A test on one of them, which says so where it is skipped. */
export function testThirdParty(name: string, file: string, run: (model: string) => Promise<void>): void {
  const model = FOLDER && join(FOLDER, file);
  if (model && existsSync(model)) test(`${file}: ${name}`, () => run(model));
  else {
    const why = model ? `${model} does not exist` : 'LLAMA_PROBE_MODELS does not say where it is';
    test.skip(`${file}: ${name} (skipped: ${why})`, () => {});
  }
}

const SAMPLE = fileURLToPath(new URL('../../scripts/bundled-model/sample.txt', import.meta.url));

/** Real text as a model's own tokens, more than 200, BOS first: cut it to the length that is wanted. */
export async function sampleTokens(model: string): Promise<readonly number[]> {
  const text = readFileSync(SAMPLE, 'utf8');
  // Pieces of words within a context of 512; a vocabulary of letters, as BabyLlama's, within its 256.
  for (const length of [900, 230]) {
    const args = ['--from', 'llama', '--model', model, '--prompt', text.slice(0, length), '--steps', '0'];
    const { json } = await probeJson<{ tokens: number[] }>([
      'capture',
      ...args,
      '--stages',
      'embd',
      '--out',
      path('sample.arrow'),
    ]);
    if (json.tokens.length > 200) return json.tokens;
  }
  throw new Error(`${model}: no text of 200 tokens fits`);
}
