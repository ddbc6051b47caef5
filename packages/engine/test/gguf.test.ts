import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  f32,
  type GgufParts,
  type GgufTensor,
  type GgufValue,
  i32,
  int32,
  int64,
  randomFrom,
  seeded,
  text,
  texts,
  tinyLlama,
  u32,
  u64,
  writeGguf,
} from '@llama-probe/testing';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ModelError, type ModelErrorCode } from '../src/errors.js';
import { GGML_TYPES } from '../src/ggml-types.js';
import { openGguf } from '../src/gguf.js';
import { llamaConfig } from '../src/read-config.js';
import { llamaTensors } from '../src/tensors.js';
import { WEIGHT_TYPES } from '../src/weight-types.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sizes = { layers: 1, embd: 6, heads: 2, kvHeads: 1, headDim: 4, ff: 5, vocab: 7, context: 16, biases: true };
const good = (): GgufParts => tinyLlama(sizes, randomFrom(1));

let files = 0;
function file(content: Uint8Array): string {
  const path = join(folder, `${++files}.gguf`);
  writeFileSync(path, content);
  return path;
}

/** All checks of a model before its weights are read. */
async function open(path: string) {
  const opened = await openGguf(path);
  const config = llamaConfig(opened);
  return { opened, config, tensors: llamaTensors(opened, config) };
}

const openParts = (parts: GgufParts) => open(file(writeGguf(parts).bytes));
const openBytes = (bytes: Uint8Array) => open(file(bytes));

async function expectError(opening: Promise<unknown>, code: ModelErrorCode, ...says: string[]): Promise<void> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  expect(error).toMatchObject({ code });
  for (const words of [...says, folder]) expect((error as ModelError).message).toContain(words);
}

describe('a sound file', () => {
  test('opens, in version 2 and 3', async () => {
    for (const version of [2, 3]) {
      const { opened, config, tensors } = await openParts({ ...good(), version });
      expect(config).toMatchObject({
        blockCount: 1,
        headCount: 2,
        headCountKv: 1,
        headDim: 4,
        ropeFreqScale: 1,
        attentionScale: 0.5,
      });
      expect(tensors.blk[0]?.attnK).toMatchObject({ shape: [6, 4], bytes: 96 });
      expect(opened.tensors.size).toBe(good().tensors.length);
    }
  });

  test('is read once, and anew when it was written anew', async () => {
    const named = (name: string) =>
      writeGguf({ ...good(), metadata: { ...good().metadata, 'general.name': text(name) } }).bytes;
    const path = file(named('one'));
    const first = await openGguf(path);
    expect(await openGguf(path)).toBe(first);
    writeFileSync(path, named('two'));
    const later = new Date(Date.now() + 1000); // clocks of file systems tick in milliseconds
    utimesSync(path, later, later);
    expect((await openGguf(path)).metadata['general.name']).toBe('two');
  });
  test('its tensors are where the writer put them', async () => {
    const parts = good();
    const { bytes, dataOffset } = writeGguf(parts);
    const { opened } = await openBytes(bytes);
    expect(opened.tensors.get('token_embd.weight')?.offset).toBe(dataOffset);
    for (const { name, data } of parts.tensors) {
      const { offset, bytes: length } = opened.tensors.get(name) as { offset: number; bytes: number };
      expect(bytes.subarray(offset, offset + length).equals(data)).toBe(true);
    }
  });

  test('may have another alignment, no biases, a tied head', async () => {
    const parts = tinyLlama({ ...sizes, biases: false, tied: true }, randomFrom(1));
    parts.metadata['general.alignment'] = u32(64);
    const { tensors } = await openParts({ ...parts, alignment: 64 });
    expect(tensors.output).toBe(tensors.tokenEmbd);
    expect(tensors.blk[0]?.attnQBias).toBeUndefined();
  });

  test.each<[string, Record<string, GgufValue>, number]>([
    ['no scaling', {}, 1],
    ['linear', { 'llama.rope.scaling.type': text('linear'), 'llama.rope.scaling.factor': f32(4) }, 0.25],
    ['a factor without a type, which llama.cpp takes for linear', { 'llama.rope.scaling.factor': f32(4) }, 0.25],
    ['the old name of the factor', { 'llama.rope.scale_linear': f32(2) }, 0.5],
    ['a factor of 0, which llama.cpp takes for none', { 'llama.rope.scaling.factor': f32(0) }, 1],
    ['a factor and the type none', { 'llama.rope.scaling.type': text('none'), 'llama.rope.scaling.factor': f32(4) }, 1],
  ])('rope scale: %s', async (_, metadata, scale) => {
    const parts = good();
    const { config } = await openParts({ ...parts, metadata: { ...parts.metadata, ...metadata } });
    expect(config.ropeFreqScale).toBe(scale);
  });

  test('defaults are llama.cpp’s', async () => {
    const parts = good();
    for (const key of [
      'attention.key_length',
      'attention.value_length',
      'rope.dimension_count',
      'rope.freq_base',
      'vocab_size',
    ]) {
      delete parts.metadata[`llama.${key}`];
    }
    parts.metadata['llama.embedding_length'] = u32(8);
    parts.metadata['tokenizer.ggml.tokens'] = texts(['a', 'b', 'c']);
    const config = llamaConfig(await openGguf(file(writeGguf(parts).bytes)));
    expect(config).toMatchObject({ headDim: 4, ropeFreqBase: 10000, vocabularySize: 3 });
  });

  test('attention.scale is not a key of the architecture: llama.cpp does not read it', async () => {
    const parts = good();
    parts.metadata['llama.attention.scale'] = f32(3);
    expect((await openParts(parts)).config.attentionScale).toBe(0.5);
  });
});

describe('not a model', () => {
  test('no such file', () => expectError(open(join(folder, 'none.gguf')), 'model-not-found', 'no such file'));
  test('a directory', async () => {
    mkdirSync(join(folder, 'directory.gguf'));
    await expectError(open(join(folder, 'directory.gguf')), 'model-not-found', 'is a directory');
  });
  test.skipIf(process.platform === 'win32')('a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.gguf')]);
    await expectError(open(join(folder, 'pipe.gguf')), 'model-not-found', 'not a regular file');
  });
  test('empty', () => expectError(openBytes(Buffer.alloc(0)), 'model-truncated', 'is empty'));
  test('another format', () =>
    expectError(openBytes(Buffer.from('PK\x03\x04 a zip file, a long one')), 'model-not-gguf', '"PK'));
  test('a Git LFS pointer', () =>
    expectError(
      openBytes(Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n')),
      'model-not-gguf',
      'git lfs pull',
    ));
  test.each([0, 1, 4, 1000])('GGUF version %d', (version) =>
    expectError(openParts({ ...good(), version }), 'model-version', `version ${version}`),
  );
  test('big-endian', () => expectError(openParts({ ...good(), version: 0x03000000 }), 'model-endianness', 'version 3'));
});

// Every byte of the beginning, and every tenth of the rest: other ones at each run.
test('cut off at any byte before the data, and in the data', async () => {
  const from = Math.floor(seeded()() * 10);
  const { bytes, dataOffset } = writeGguf(good());
  const { tensors } = await openGguf(file(bytes));
  const path = join(folder, 'cut.gguf');
  const inData = [...tensors.values()].flatMap(({ offset, bytes: size }) => [offset, offset + 1, offset + size - 1]);
  const lengths = Array.from({ length: dataOffset }, (_, i) => i + 1).filter((n) => n < 100 || n % 10 === from);
  for (const length of [...lengths, ...inData]) {
    writeFileSync(path, bytes.subarray(0, length));
    await expectError(open(path), length < 4 ? 'model-not-gguf' : 'model-truncated');
  }
});

describe('absurd sizes are refused, without making room for what they claim', () => {
  const withMetadata = (value: GgufValue): GgufParts => ({
    ...good(),
    metadata: { absurd: value, ...good().metadata },
  });
  const withShape = (...shape: bigint[]): GgufParts => {
    const parts = good();
    (parts.tensors[1] as GgufTensor).shape = shape;
    return parts;
  };
  // A string as long as 2⁶²: an array of one, whose item is only its length.
  const longString: GgufValue = { type: 'array', of: 8, items: [int64(2n ** 62n)] };
  const nested = (depth: number): Buffer =>
    depth === 0 ? Buffer.alloc(12) : Buffer.concat([int32(9), int64(1n), nested(depth - 1)]);

  test.each<[string, ModelErrorCode, GgufParts, string]>([
    ['2⁶³ metadata entries', 'model-truncated', { ...good(), kvCount: 2n ** 63n }, '9223372036854775808 metadata'],
    ['10⁵ metadata entries', 'model-truncated', { ...good(), kvCount: 100_000n }, '100000 metadata'],
    ['2⁶³ tensors', 'model-truncated', { ...good(), tensorCount: 2n ** 63n }, '9223372036854775808 tensors'],
    ['10⁷ tensors', 'model-truncated', { ...good(), tensorCount: 10_000_000n }, '10000000 tensors'],
    ['a string of 2⁶² bytes', 'model-damaged', withMetadata(longString), 'String length 4611686018427387904'],
    ['a string of 9 MB', 'model-truncated', withMetadata({ ...longString, items: [int64(9_000_000n)] }), 'cut off'],
    [
      'an array of 2⁶³',
      'model-damaged',
      withMetadata({ ...longString, items: [], length: 2n ** 63n }),
      'array length 9223372036854775808',
    ],
    [
      'an array of 10⁶',
      'model-truncated',
      withMetadata({ type: 'array', of: 0, items: [], length: 1_000_000n }),
      'cut off',
    ],
    ['arrays in arrays', 'model-damaged', withMetadata({ type: 'array', of: 9, items: [nested(50)] }), 'depth'],
    ['a dimension of 2⁶³', 'model-damaged', withShape(2n ** 63n), 'blk.0.attn_norm.weight'],
    ['2³² × 2³² × 2³²', 'model-damaged', withShape(2n ** 32n, 2n ** 32n, 2n ** 32n), 'blk.0.attn_norm.weight'],
    ['2³² × 2⁸', 'model-truncated', withShape(2n ** 32n, 2n ** 8n), 'blk.0.attn_norm.weight'],
    ['a dimension of 0', 'model-damaged', withShape(0n), 'blk.0.attn_norm.weight has the shape [0]'],
    ['no dimension', 'model-damaged', withShape(), 'blk.0.attn_norm.weight has the shape []'],
    ['9 dimensions', 'model-damaged', withShape(1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n), '9'],
  ])('%s', async (_, code, parts, says) => {
    const { bytes } = writeGguf(parts);
    const path = file(bytes);
    const alloc = vi.spyOn(Buffer, 'alloc');
    await expectError(open(path), code, says);
    const buffers = alloc.mock.calls.reduce((sum, [size]) => sum + size, 0);
    alloc.mockRestore();
    expect(buffers).toBeLessThanOrEqual(64 + bytes.length); // the first bytes, and the file once
  });
});

describe('tensors', () => {
  const change = (name: string, changes: Partial<GgufTensor>): GgufParts => {
    const parts = good();
    Object.assign(parts.tensors.find((tensor) => tensor.name === name) as GgufTensor, changes);
    return parts;
  };
  const without = (name: string): GgufParts => ({
    ...good(),
    tensors: good().tensors.filter((tensor) => tensor.name !== name),
  });
  const extra = (name: string): GgufParts => ({
    ...good(),
    tensors: [...good().tensors, { name, type: 0, shape: [8], data: Buffer.alloc(32) }],
  });
  const q = 'blk.0.attn_q.weight';

  test.each<[string, ModelErrorCode, GgufParts, string[]]>([
    ['an offset past the end', 'model-truncated', change(q, { offset: 1 << 20 }), [q]],
    ['an offset of 2⁶⁴ − 32', 'model-truncated', change(q, { offset: 2n ** 64n - 32n }), [q]],
    ['an overlap', 'model-damaged', change(q, { offset: 0 }), ['token_embd.weight', 'overlap']],
    ['an unaligned offset', 'model-damaged', change(q, { offset: 33 }), [q, '33', 'alignment 32']],
    [
      'a name twice',
      'model-damaged',
      change(q, { name: 'blk.0.attn_k.weight' }),
      ['two tensors are called blk.0.attn_k.weight'],
    ],
    ['none at all', 'model-damaged', { ...good(), tensors: [] }, ['no tensors']],
    ['an unknown type', 'model-tensor-type', change(q, { type: 99 }), [q, '99']],
    ['a type that was removed', 'model-tensor-type', change(q, { type: 4 }), [q, '4']],
    ['rows that are no whole blocks', 'model-damaged', change(q, { type: 8 }), [q, 'Q8_0', '32']],
    [
      'a norm in F16',
      'model-tensor-type',
      change('blk.0.attn_norm.weight', { type: 1 }),
      ['blk.0.attn_norm.weight is F16', 'F32'],
    ],
    [
      'a bias in F16',
      'model-tensor-type',
      change('blk.0.attn_q.bias', { type: 1 }),
      ['blk.0.attn_q.bias is F16', 'F32'],
    ],
    [
      'a matrix in I32',
      'model-tensor-type',
      change(q, { type: 26 }),
      [`${q} is I32`, 'no type for weights', 'Convert'],
    ],
    [
      'a transposed matrix',
      'model-tensor',
      change('blk.0.ffn_up.weight', { shape: [5, 6] }),
      ['ffn_up', '[5, 6]', '[6, 5]'],
    ],
    [
      'a wrong vocabulary',
      'model-tensor',
      change('token_embd.weight', { shape: [6, 6] }),
      ['token_embd.weight', '[6, 6]', '[6, 7]'],
    ],
    ['one missing', 'model-tensor', without('blk.0.ffn_down.weight'), ['blk.0.ffn_down.weight', '[5, 6]']],
    [
      'one that the pass does not use',
      'model-tensor',
      extra('blk.0.attn_q_norm.weight'),
      ['blk.0.attn_q_norm.weight', 'not use'],
    ],
    ['a layer too many', 'model-tensor', extra('blk.1.attn_norm.weight'), ['blk.1.attn_norm.weight']],
  ])('%s', (_, code, parts, says) => expectError(openParts(parts), code, ...says));

  test('Q8_K is named, with the remedy', async () => {
    const wide = tinyLlama({ ...sizes, embd: 256 }, randomFrom(1));
    Object.assign(wide.tensors.find(({ name }) => name === q) as GgufTensor, { type: 15, data: Buffer.alloc(8 * 292) });
    await expectError(openParts(wide), 'model-tensor-type', `${q} is Q8_K`, 'no type for weights', 'Q4_K', 'Convert');
  });

  test('every type that ggml knows is computed, but for those of activations and indices', () => {
    const others = Object.values(GGML_TYPES).filter(({ name }) => !(name in WEIGHT_TYPES));
    expect(others.map(({ name }) => name)).toEqual(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64']);
    for (const [name, { ggmlType, elements, bytes }] of Object.entries(WEIGHT_TYPES)) {
      expect(GGML_TYPES[ggmlType]).toEqual({ name, elements, bytes });
    }
  });
});

describe('metadata', () => {
  const change = (key: string, value?: GgufValue): GgufParts => {
    const parts = good();
    if (value) parts.metadata[key] = value;
    else delete parts.metadata[key];
    return parts;
  };
  const counts = [
    'block_count',
    'embedding_length',
    'feed_forward_length',
    'attention.head_count',
    'context_length',
    'vocab_size',
  ];

  test.each([...counts, 'attention.layer_norm_rms_epsilon'])('llama.%s is missing', (key) =>
    expectError(openParts(change(`llama.${key}`)), 'model-metadata', `llama.${key} is missing`),
  );

  const mistyped: Array<[string, GgufValue, string]> = [
    ['a string', text('6'), 'is "6"'],
    ['negative', i32(-1), 'is -1'],
    ['NaN', f32(Number.NaN), 'is NaN'],
    ['0', u32(0), 'is 0'],
    ['an array', { type: 'array', of: 10, items: [int64(6n), int64(6n)] }, 'is ['],
    ['infinite', f32(Number.POSITIVE_INFINITY), 'is Infinity'],
    ['a boolean', { type: 'bool', value: 1 }, 'is true'],
  ];
  const numbers = [
    ...counts,
    'attention.head_count_kv',
    'attention.key_length',
    'attention.layer_norm_rms_epsilon',
    'rope.freq_base',
  ];
  test.each(numbers.flatMap((key) => mistyped.map(([what, value, says]) => ({ key, what, value, says }))))(
    'llama.$key is $what',
    ({ key, value, says }) =>
      expectError(openParts(change(`llama.${key}`, value)), 'model-metadata', `llama.${key} ${says}`),
  );

  test.each<[string, GgufValue, ModelErrorCode, string]>([
    ['llama.block_count', f32(1.5), 'model-metadata', 'llama.block_count is 1.5'],
    ['llama.block_count', u64(2n ** 60n), 'model-metadata', 'llama.block_count is 1152921504606846976'],
    ['llama.block_count', u32(2_000_000_000), 'model-tensor', 'blk.1.attn_norm.weight'],
    ['llama.attention.head_count_kv', u32(4), 'model-metadata', 'multiple of head_count_kv 4'],
    ['llama.attention.key_length', u32(3), 'model-metadata', 'key_length 3'],
    ['llama.attention.value_length', u32(8), 'model-metadata', 'value_length 8'],
    ['llama.rope.dimension_count', u32(2), 'model-metadata', 'rope.dimension_count 2: must be equal and even'],
    ['llama.rope.scaling.type', text('ntk'), 'model-architecture', '"ntk"'],
    ['llama.rope.scaling.type', u32(2), 'model-architecture', 'llama.rope.scaling.type is 2'],
    ['llama.rope.scaling.factor', f32(-2), 'model-metadata', 'llama.rope.scaling.factor is -2'],
    ['llama.rope.scaling.attn_factor', f32(-1), 'model-metadata', 'llama.rope.scaling.attn_factor is -1'],
    ['llama.expert_count', u32(8), 'model-metadata', 'llama.expert_used_count is missing'],
    ['llama.expert_count', text('many'), 'model-metadata', 'llama.expert_count is "many"'],
    ['general.architecture', text('gpt2'), 'model-architecture', 'general.architecture is "gpt2"'],
    ['general.architecture', u32(1), 'model-architecture', 'general.architecture is 1'],
    ['general.alignment', u32(24), 'model-damaged', 'general.alignment is 24'],
    ['general.alignment', u32(0), 'model-damaged', 'general.alignment'],
    ['general.alignment', text('32 bytes'), 'model-damaged', 'general.alignment'],
  ])('%s %o', (key, value, code, says) => expectError(openParts(change(key, value)), code, says));

  test('no general.architecture', () =>
    expectError(openParts(change('general.architecture')), 'model-architecture', 'is missing'));

  test('an unknown value type', async () => {
    const { bytes } = writeGguf({ ...good(), metadata: { k: u32(1), ...good().metadata } });
    bytes.writeUInt32LE(77, 24 + 8 + 1);
    await expectError(openBytes(bytes), 'model-damaged', '77');
  });
});
