import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageKey, type Tensor } from '@llama-probe/dump';
import {
  f32,
  type GgufParts,
  type GgufValue,
  inShort,
  type LlamaSizes,
  list,
  randomFrom,
  type TinyArchitecture,
  text,
  tinyArchitecture,
  tinyLlama,
  u32,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import type { ExactBy } from '../src/blocks/choose.js';
import { otherBuild } from '../src/library/cpu-builds.js';
import { quantizeModel } from '../src/model/quantize.js';
import { openReference, type Reference, type RunOptions } from '../src/reference.js';
import { writeTinyModel } from './support/tiny-model.js';

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
  cpuVariant?: string,
): Promise<T> {
  const reference = await openReference({ model, mode: 'exact', exactBy, cpuVariant });
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

type Collected = Awaited<ReturnType<typeof collect>>;

const WAYS = ['whole', 'block'] as const;

/** The same run of the whole model, and block by block. */
async function bothWays(
  model: string,
  run: RunOptions | (() => RunOptions),
  cpuVariant?: string,
): Promise<[Collected, Collected]> {
  const one = (exactBy: ExactBy) =>
    withReference(
      model,
      exactBy,
      (reference) => {
        expect(reference.info.exact?.by).toBe(exactBy);
        return collect(reference, typeof run === 'function' ? run() : run);
      },
      cpuVariant,
    );
  return [await one('whole'), await one('block')];
}

async function* stream(tensors: readonly Tensor[]): AsyncGenerator<Tensor> {
  yield* tensors;
}

const find = ({ all }: Collected, stage: string): Tensor => all.find((tensor) => tensor.stage === stage) as Tensor;

const at = (tensor: Tensor) => `${tensor.order} ${stageKey(tensor)} ${tensor.positions} ${tensor.width}`;

const bits = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
const isEqual = (a: Tensor, b: Tensor) => bits(a).equals(bits(b));

/** Expects two runs to be the same bit for bit, in the same order. */
function expectSame(a: Collected, b: Collected): void {
  expect(a.all.length).toBeGreaterThan(0);
  expect(a.all.map(at)).toEqual(b.all.map(at));
  expect(a.all.filter((tensor, i) => !isEqual(tensor, b.all[i] as Tensor)).map(at)).toEqual([]);
  expect(a.generated).toEqual(b.generated);
  expect(a.notes).toEqual(b.notes);
}

const TOKENS = [1, 5, 9, 17, 3, 8, 11];
const CUT: RunOptions = { tokens: TOKENS, ubatch: 3, steps: 3, stages: 'all' };

/** Blocks that differ by their hyperparameters: all have a window but some, which turn by another base, too. */
const WINDOWED: Record<string, () => GgufParts> = {
  'gemma3, of which the sixth block sees all positions': () => tinyArchitecture('gemma3', randomFrom(7), { layers: 7 }),
  'gemma3 with windows as its file lists them': () =>
    tinyArchitecture('gemma3', randomFrom(7), { layers: 3, also: windows(false, true, false) }),
  'gemma3 without windows': () =>
    tinyArchitecture('gemma3', randomFrom(7), { also: { 'attention.sliding_window': u32(0) } }),
  'olmo2 with windows (OLMo 3)': () =>
    tinyArchitecture('olmo2', randomFrom(7), { layers: 4, also: { 'attention.sliding_window': u32(6), ...YARN } }),
};

/** Blocks that differ by how many there are: those of this many scale Q by the width of the stream. */
const MANY_BLOCKS: Record<string, () => GgufParts> = {
  'gemma3 of as many blocks as the one that scales Q otherwise': () =>
    tinyArchitecture('gemma3', randomFrom(7), { layers: 62 }),
  'gemma2 of as many blocks as the one that does': () => tinyArchitecture('gemma2', randomFrom(7), { layers: 46 }),
};

const windows = (...has: boolean[]): Record<string, GgufValue> => ({
  'attention.sliding_window_pattern': list(has.map((each) => ({ type: 'bool', value: Number(each) }))),
});

const YARN: Record<string, GgufValue> = {
  'rope.scaling.type': text('yarn'),
  'rope.scaling.factor': f32(4),
  'rope.scaling.original_context_length': u32(5),
};

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
    (
      ['gemma2', 'gpt-oss', 'qwen3', 'qwen3moe', 'olmo2', 'phi3', 'granite', 'mistral3'] satisfies TinyArchitecture[]
    ).map((name) => [name, () => tinyArchitecture(name, randomFrom(7))]),
  ),
};

describe('block by block every stage is bit for bit that of the whole model', () => {
  for (const [name, make] of inShort(Object.entries(MODELS), 5)) {
    test(name, async () => {
      const model = write(name, make());
      const [whole, block] = await bothWays(model, CUT);
      expectSame(block, whole);
    });
  }

  for (const [name, make] of inShort(Object.entries(WINDOWED), 2)) {
    test(name, async () => {
      const [whole, block] = await bothWays(write(name, make()), { ...CUT, steps: 5 });
      expectSame(block, whole);
    });
  }

  for (const [name, make] of inShort(Object.entries(MANY_BLOCKS), 1)) {
    test(name, async () => {
      const [whole, block] = await bothWays(write(name, make()), {
        ...CUT,
        steps: 1,
        stages: ['l_out', 'result_output'],
      });
      expectSame(block, whole);
    });
  }

  for (const type of inShort(['Q8_0', 'F16', 'Q4_0', 'IQ4_XS', 'Q4_K_M'], 2)) {
    test(`${type}, which the whole model is a file of F32 for`, async () => {
      const source = write('wide', llama({ layers: 2, embd: 256, headDim: 64, ff: 256 }));
      const model = await quantizeModel({ model: source, type });
      const [whole, block] = await bothWays(model, CUT);
      expectSame(block, whole);
    });
  }

  // 10 MB, and a slice has 8. How a product is cut into tiles depends on how many rows it has.
  for (const vocab of inShort([40_001, 40_000, 40_004], 1)) {
    test(`a vocabulary of ${vocab} that is evaluated in slices`, async () => {
      const model = write('slices', llama({ layers: 2, vocab }));
      const run = { ...CUT, tokens: [1, 39_999, 33_000, 20_000] };
      const [whole, block] = await bothWays(model, run);
      expectSame(block, whole);
      expect(find(block, 'result_output').width).toBe(vocab);
    });
  }

  test('a longrope, in a run of more positions than it was first trained on, and in one of as many', async () => {
    const scaling = { type: text('longrope'), factor: f32(2), original_context_length: u32(300) };
    const parts = llama({ longRope: true, context: 1024 });
    for (const [key, value] of Object.entries(scaling)) parts.metadata[`llama.rope.scaling.${key}`] = value;
    const model = write('longrope', parts);
    for (const length of [400, 7]) {
      const tokens = Array.from({ length }, (_, i) => (7 * i) % 72);
      const [whole, block] = await bothWays(model, { tokens, stages: ['q_rope', 'l_out', 'result_output'] });
      expectSame(block, whole);
    }
  });

  test('logits of a run that nobody watches, stages and layers that are chosen, a note of those that are not there', async () => {
    const model = write('chosen', llama({}));
    for (const options of [
      { stages: [], logits: true },
      { stages: ['l_out', 'attn_rms', 'result_output', 'nothing'], layers: [0, 2], logits: true },
    ]) {
      const [whole, block] = await bothWays(model, { ...CUT, ...options });
      expectSame(block, whole);
    }
  });
});

describe('what a run goes on from', () => {
  const GIVEN = { layers: 3, also: windows(false, true, false) };
  const model = (vocab?: number) => write('given', llama({ biases: true, ...(vocab && { vocab }) }));
  const runs: Record<string, RunOptions> = {
    'of a single pass': { tokens: TOKENS },
    'of many passes': { tokens: TOKENS, ubatch: 3, forcedTokens: [7, 4, 2] },
  };
  const differing = () => write('given differing', tinyArchitecture('gemma3', randomFrom(7), GIVEN));
  const cases = [
    // The first has a vocabulary that is evaluated in slices.
    ...Object.entries(runs).map(([name, run], i) => [name, run, () => model(i === 0 ? 40_000 : undefined)] as const),
    ['of blocks that differ', { tokens: TOKENS, ubatch: 3, forcedTokens: [7, 4, 2] }, differing] as const,
  ];
  for (const [name, run, make] of cases) {
    test(`${name}: each stage is that of the whole model from the same rows`, async () => {
      const path = make();
      const healthy = await withReference(path, 'whole', (reference) =>
        collect(reference, { ...run, stages: 'vocabulary' }),
      );
      // A fault of one layer: from there on, all rows are others than the run's own.
      const given = healthy.all.map((tensor) =>
        tensor.layer === 1 ? { ...tensor, values: tensor.values.map((value) => value * 1.5) } : tensor,
      );
      const [whole, block] = await bothWays(path, () => ({ ...run, from: stream(given) }));
      expectSame(block, whole);
      const differing = block.all.filter((tensor, i) => !isEqual(tensor, healthy.all[i] as Tensor));
      expect(differing.length).toBeGreaterThan(0);
      expect(differing.every(({ layer }) => layer === 1 || layer === 2)).toBe(true);
    });
  }

  test('of some stages only, and rows that fit none: the same, with the same notes', async () => {
    const path = model();
    const healthy = await withReference(path, 'whole', (reference) => collect(reference, { ...CUT, stages: 'all' }));
    const some = healthy.all.filter(({ stage, layer }) => stage === 'l_out' || (stage === 'k_rope' && layer === 2));
    const turned = some.map((tensor) => ({ ...tensor, values: tensor.values.slice().reverse() }));
    const other = { ...(turned[0] as Tensor), stage: 'of_another_engine' };
    const forcedTokens = healthy.generated.slice(0, 3);
    const run = () => ({ ...CUT, stages: 'vocabulary' as const, forcedTokens, from: stream([other, ...turned]) });
    const [whole, block] = await bothWays(path, run);
    expectSame(block, whole);
    expect(block.notes).toEqual([expect.stringContaining('of_another_engine')]);
  });

  test('rows of another width are refused as by the whole model', async () => {
    const wrong = [
      {
        step: 0,
        order: 0,
        layer: 2,
        stage: 'l_out',
        positions: Int32Array.of(0, 1, 2),
        width: 3,
        values: new Float32Array(9),
      },
    ];
    const refused = withReference(model(), 'block', (reference) => collect(reference, { ...CUT, from: stream(wrong) }));
    await expect(refused).rejects.toMatchObject({ code: 'from-width' });
  });
});

describe('each stage rounded', () => {
  for (const [name, make] of inShort(Object.entries(MODELS), 2)) {
    test(`${name}: as the whole model's`, async () => {
      const model = write(`round ${name}`, make());
      const [whole, block] = await bothWays(model, { ...CUT, round: 'bf16' });
      expectSame(block, whole);
    });
  }
});

test('another CPU build: as the whole model under it', async () => {
  const model = write('build', llama({}));
  const variant = await withReference(model, 'block', async ({ info }) =>
    otherBuild(info.cpuVariant, info.cpuVariants),
  );
  if (variant === undefined) return;
  const [whole, block] = await bothWays(model, CUT, variant);
  expectSame(block, whole);
});

test('what every stage is computed from is the same', async () => {
  const model = write('operations', llama({ biases: true }));
  const run = { tokens: TOKENS, ubatch: 3 };
  const [whole, block] = await Promise.all(
    WAYS.map((by) => withReference(model, by, (reference) => reference.operations(run))),
  );
  expect(block).toEqual(whole);
});

test('greedy tokens that the file as it is chooses otherwise are those of the F32 weights', async () => {
  // Q4_0 of a random model: its own tokens and those of its weights as F32 part soon.
  const source = write('wrong guesses', llama({ layers: 2, vocab: 2000 }));
  const model = await quantizeModel({ model: source, type: 'Q4_0' });
  const run = { tokens: TOKENS, ubatch: 3, steps: 24, stages: ['l_out', 'result_output'], logits: true };
  const [whole, block] = await bothWays(model, run);
  const native = await openReference({ model, mode: 'native' });
  const guessed = await collect(native, { ...run, stages: [] });
  await native.close();
  expect(guessed.generated).not.toEqual(whole.generated);
  expectSame(block, whole);
});

test('a file that was split', async () => {
  const parts = llama({});
  const model = write('unsplit', parts);
  const number = (of: number, value: number) => ({
    type: 'raw' as const,
    of,
    bytes: Buffer.from(Int32Array.of(value).buffer, 0, of === 2 ? 2 : 4),
  });
  const about = (no: number) => ({
    'split.no': number(2, no),
    'split.count': number(2, 2),
    'split.tensors.count': number(5, parts.tensors.length),
  });
  const half = Math.ceil(parts.tensors.length / 2);
  const first = join(directory, 'split-00001-of-00002.gguf');
  writeFileSync(
    first,
    writeGguf({ metadata: { ...parts.metadata, ...about(0) }, tensors: parts.tensors.slice(0, half) }).bytes,
  );
  writeFileSync(
    join(directory, 'split-00002-of-00002.gguf'),
    writeGguf({ metadata: about(1), tensors: parts.tensors.slice(half) }).bytes,
  );
  const whole = await withReference(model, 'whole', (reference) => collect(reference, CUT));
  const block = await withReference(first, 'block', (reference) => collect(reference, CUT));
  expectSame(block, whole);
});

test('a text becomes the same tokens', async () => {
  const model = writeTinyModel(join(directory, 'words.gguf'));
  const tokens = await Promise.all(
    WAYS.map((by) => withReference(model, by, (reference) => reference.tokenize('hello world'))),
  );
  expect(tokens[1]).toEqual(tokens[0]);
  expect(tokens[1]?.length).toBeGreaterThan(1);
});

describe('which way', () => {
  const open = (parts: GgufParts, exactBy?: ExactBy) =>
    withReference(write('way', parts), exactBy, async ({ info }) => info.exact);

  test('a small model is evaluated as a whole', async () => {
    expect(await open(llama({}))).toMatchObject({ by: 'whole' });
  });

  test('blocks that are not known to be alike are told, and the whole model is evaluated', async () => {
    const some = await open(tinyArchitecture('smollm3', randomFrom(7)));
    expect(some).toMatchObject({ by: 'whole', why: expect.stringContaining('smollm3') });
    await expect(open(tinyArchitecture('smollm3', randomFrom(7)), 'block')).rejects.toMatchObject({
      code: 'exact-by-block',
      message: expect.stringMatching(/smollm3.*--exact-by whole/),
    });
  });
});
