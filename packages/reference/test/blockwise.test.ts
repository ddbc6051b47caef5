import { describe, expect, test } from 'vitest';
import { blockwise, type ModelHeader } from '../src/blocks/blockwise.js';
import { chooseExactBy } from '../src/blocks/choose.js';

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
    'the architecture is not known to be safe': [{ architecture: 'gemma3' }, /of gemma3 it is not known/],
    'a hyperparameter has a value for each block': [
      { metadata: { 'llama.attention.head_count': [4, 4, 2] } },
      /llama\.attention\.head_count may have another value for each block/,
    ],
    'some blocks have a window': [
      { architecture: 'olmo2', metadata: { 'olmo2.attention.sliding_window': 4096 } },
      /by olmo2\.attention\.sliding_window the blocks differ/,
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

test('a window that llama.cpp does not use is none', () => {
  const metadata = { 'phi3.attention.sliding_window': 2047 };
  expect(blockwise(header({ architecture: 'phi3', metadata }))).toHaveProperty('bytes');
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
