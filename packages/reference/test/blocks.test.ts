import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageKey, type Tensor } from '@llama-probe/dump';
import {
  type GgufParts,
  type LlamaSizes,
  randomFrom,
  type TinyArchitecture,
  text,
  tinyArchitecture,
  tinyLlama,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import type { ExactBy } from '../src/blocks/choose.js';
import { openReference, type Reference, type RunOptions } from '../src/reference.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-blocks-'));
afterAll(() => rmSync(directory, { recursive: true }));

const SIZES: LlamaSizes = { layers: 3, embd: 64, heads: 4, kvHeads: 2, headDim: 16, ff: 96, vocab: 72, context: 512 };

function llama(sizes: Partial<LlamaSizes>): GgufParts {
  const parts = tinyLlama({ ...SIZES, ...sizes }, randomFrom(7));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  return parts;
}

function write(name: string, parts: GgufParts): string {
  const path = join(directory, `${name.replaceAll(/\W+/g, '-')}.gguf`);
  writeFileSync(path, writeGguf(parts).bytes);
  return path;
}

async function withReference<T>(
  model: string,
  exactBy: ExactBy | undefined,
  use: (reference: Reference) => Promise<T>,
): Promise<T> {
  const reference = await openReference({ model, mode: 'exact', exactBy });
  try {
    return await use(reference);
  } finally {
    await reference.close();
  }
}

async function collect(reference: Reference, options: RunOptions) {
  const { tensors, result } = reference.run(options);
  const all: Tensor[] = [];
  for await (const tensor of tensors) all.push(tensor);
  const { generated, notes } = await result;
  return { all, generated, notes: [...notes].sort() };
}

const at = (tensor: Tensor) => `${tensor.order} ${stageKey(tensor)} ${tensor.positions} ${tensor.width}`;

/** Expects two runs to be the same bit for bit, in the same order. */
function expectSame(a: Awaited<ReturnType<typeof collect>>, b: Awaited<ReturnType<typeof collect>>): void {
  expect(a.all.length).toBeGreaterThan(0);
  expect(a.all.map(at)).toEqual(b.all.map(at));
  const bits = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  expect(a.all.filter((tensor, i) => !bits(tensor).equals(bits(b.all[i] as Tensor))).map(at)).toEqual([]);
  expect(a.generated).toEqual(b.generated);
  expect(a.notes).toEqual(b.notes);
}

const TOKENS = [1, 5, 9, 17, 3, 8, 11];
const CUT: RunOptions = { tokens: TOKENS, ubatch: 3, steps: 3, stages: 'all' };

const MODELS: Record<string, () => GgufParts> = {
  llama: () => llama({}),
  'llama with a single block': () => llama({ layers: 1 }),
  'llama with biases': () => llama({ biases: true, outputBias: true }),
  'llama with fused Q, K and V': () => llama({ fused: true }),
  'llama whose head is the embedding': () => llama({ tied: true }),
  'llama with factors of RoPE': () => llama({ ropeFreqs: true }),
  'llama with experts': () => llama({ experts: 4 }),
  qwen2: () => llama({ architecture: 'qwen2', biases: true }),
  gemma: () => llama({ architecture: 'gemma', tied: true }),
  starcoder2: () => llama({ architecture: 'starcoder2', isPlain: true, outputBias: true }),
  ...Object.fromEntries(
    (['qwen3', 'olmo2', 'phi3', 'granite'] satisfies TinyArchitecture[]).map((name) => [
      name,
      () => tinyArchitecture(name, randomFrom(7)),
    ]),
  ),
};

describe('block by block every stage is bit for bit that of the whole model', () => {
  for (const [name, make] of Object.entries(MODELS)) {
    test(name, async () => {
      const model = write(name, make());
      const [whole, block] = await Promise.all(
        (['whole', 'block'] as const).map((by) => withReference(model, by, (reference) => collect(reference, CUT))),
      );
      expectSame(block as never, whole as never);
    });
  }
});
