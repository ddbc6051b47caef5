import { describe, expect, test } from 'vitest';
import { blockwise } from '../src/blocks/blockwise.js';
import { chooseExactBy } from '../src/blocks/choose.js';
import type { ModelHeader } from '../src/blocks/model-header.js';
import { perBlock } from '../src/blocks/per-block.js';

const BLOCK = ['attn_norm.weight', 'attn_q.weight', 'ffn_down.weight'];

function header({
  architecture = 'llama',
  layers = 3,
  metadata = {},
  tensors = [] as ModelHeader['tensors'],
} = {}): ModelHeader {
  const shape = [64, 32, 1, 1];
  const blocks = Array.from({ length: layers }, (_, il) => BLOCK.map((name) => ({ name: `blk.${il}.${name}`, shape })));
  return {
    architecture,
    metadata: {
      'general.architecture': architecture,
      [`${architecture}.block_count`]: layers,
      'tokenizer.ggml.tokens': [],
      ...metadata,
    },
    tensors: [{ name: 'token_embd.weight', shape: [64, 1000] }, ...blocks.flat(), ...tensors],
  };
}

test('where all blocks are alike it takes the memory of one, and of a slice of the vocabulary', () => {
  const { bytes } = blockwise(header()) as { bytes: number };
  expect(bytes).toBe(4 * 3 * 64 * 32 + 8 * 2 ** 20);
  expect(blockwise(header({ layers: 60 }))).toEqual({ bytes });
});

describe('not where', () => {
  const cases: Record<string, [Parameters<typeof header>[0], RegExp]> = {
    'the architecture is not known to be safe': [{ architecture: 'gemma3n' }, /of gemma3n it is not known/],
    'a list may have a value for each block, and nobody knows what it is for': [
      { metadata: { 'llama.something': [4, 4, 2] } },
      /llama\.something may have another value for each block/,
    ],
    'the first blocks are others': [
      { metadata: { 'llama.leading_dense_block_count': 1 } },
      /by llama\.leading_dense_block_count the blocks differ/,
    ],
    'a block has another tensor': [
      { tensors: [{ name: 'blk.1.attn_q.bias', shape: [32] }] },
      /block 1 has other tensors than block 0/,
    ],
    'a block is larger': [{ tensors: [{ name: 'blk.2.ffn_up.weight', shape: [64, 64] }] }, /block 2 has other/],
    'there is a block more than it says': [
      { tensors: [{ name: 'blk.3.attn_q.weight', shape: [32] }] },
      /has 4 blocks, and says that there are 3/,
    ],
    'a tensor belongs to the whole model, and nobody knows what it is for': [
      { tensors: [{ name: 'position_embd.weight', shape: [64, 512] }] },
      /position_embd\.weight is a tensor of the whole model/,
    ],
  };
  for (const [name, [parts, why]] of Object.entries(cases)) {
    test(name, () => expect(blockwise(header(parts))).toEqual({ why: expect.stringMatching(why) }));
  }
});

test("lists that llama.cpp reads are each block's own, and one that has the same value everywhere is no difference", () => {
  const metadata = { 'llama.attention.head_count': [4, 4, 2], 'llama.something': [0, 0, 0] };
  expect(blockwise(header({ metadata }))).toHaveProperty('bytes');
  expect(perBlock({ architecture: 'llama', metadata }, 3)).toEqual(
    [4, 4, 2].map((n) => ({ 'attention.head_count': n })),
  );
});

describe('which blocks have a window', () => {
  const PATTERN = 'attention.sliding_window_pattern';
  const windows = (architecture: string, metadata: Record<string, unknown>, layers = 6) =>
    perBlock(
      {
        architecture,
        metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`${architecture}.${key}`, value])),
      },
      layers,
    ).map((each) => each[PATTERN]);
  const WINDOW = { 'attention.sliding_window': 512 };

  test('all but every so many, by the architecture, or by its file', () => {
    expect(windows('gemma2', {})).toEqual([1, 0, 1, 0, 1, 0]);
    expect(windows('gemma3', WINDOW)).toEqual([1, 1, 1, 1, 1, 0]);
    expect(windows('olmo2', WINDOW)).toEqual([1, 1, 1, 0, 1, 1]);
    expect(windows('gpt-oss', { ...WINDOW, [PATTERN]: 3 })).toEqual([1, 1, 0, 1, 1, 0]);
    expect(windows('gemma3', { ...WINDOW, [PATTERN]: 0 }, 2)).toEqual([1, 1]);
    expect(windows('gemma3', { ...WINDOW, [PATTERN]: [false, true, false] }, 3)).toEqual([0, 1, 0]);
  });

  test('none where llama.cpp has no window, whatever the file says', () => {
    for (const architecture of ['phi3', 'llama', 'gemma3', 'olmo2']) {
      const metadata = architecture === 'gemma3' || architecture === 'olmo2' ? {} : WINDOW;
      expect(windows(architecture, metadata, 1)).toEqual([undefined]);
    }
  });
});

describe('which way', () => {
  const model = { file: 'model.gguf', parameters: 8e9, allF32: false, blockwise: { bytes: 2e9 } };
  const differs = { ...model, blockwise: { why: 'blocks differ' } };

  test('a large model goes block by block, a small one and one that is F32 as a whole', () => {
    expect(chooseExactBy(model)).toMatchObject({ by: 'block', bytes: 2e9, isNotable: true });
    expect(chooseExactBy({ ...model, parameters: 2e8 })).toMatchObject({ by: 'whole', bytes: 8e8, isNotable: false });
    expect(chooseExactBy({ ...model, allF32: true })).toMatchObject({ by: 'whole' });
  });

  test('or as asked for', () => {
    expect(chooseExactBy(model, 'whole')).toMatchObject({ by: 'whole', bytes: 32e9 });
    expect(chooseExactBy({ ...model, parameters: 1000 }, 'block')).toMatchObject({ by: 'block', bytes: 4000 });
  });

  test('where blocks differ it is the whole model, with the reason; asked for, the other is refused', () => {
    expect(chooseExactBy(differs)).toMatchObject({
      by: 'whole',
      why: 'the whole model at once, 32.0 GB: blocks differ',
      isNotable: true,
    });
    expect(() => chooseExactBy(differs, 'block')).toThrow(
      expect.objectContaining({ code: 'exact-by-block', message: expect.stringMatching(/32\.0 GB/) }),
    );
  });
});
