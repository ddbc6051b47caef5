import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failure, fileOf, load, pathOf } from './support/files.js';
import { npy } from './support/npy.js';
import { dictOf, op, pickle, tensor } from './support/pickle.js';
import { zip } from './support/zip.js';

const floats = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);

describe("SGLang's dumper", () => {
  const value = tensor({ count: 4, shape: [2, 2], strides: [2, 1] });
  const saved = (first: number, of = dictOf({ value, meta: dictOf({ name: op.text('x'), rank: op.int(0) }) })) =>
    zip([
      ['a/data.pkl', pickle(of)],
      ['a/data/0', floats([first, 1, 2, 3])],
    ]);
  const folderOf = (files: Readonly<Record<string, Uint8Array>>) => {
    const folder = pathOf('dump');
    mkdirSync(folder);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, `${name}.pt`), bytes);
    return folder;
  };
  const tag = (index: number, name: string, more = '', step = 0, rank = 0) =>
    `step=${step}___rank=${rank}___dump_index=${index}___name=${name}___recompute_status=disabled${more}`;
  const module = (index: number, name: string) => tag(index, `non_intrusive__model.${name}`);

  test('has stages of its own names and layers, in the value or alone', async () => {
    const folder = folderOf({
      [tag(1, 'q_rope', '___layer_id=3')]: saved(10),
      [tag(2, 'l_out', '___layer_id=3')]: saved(20, value),
      [tag(3, 'mine', '___layer_id=3')]: saved(30),
    });
    const { tensors, run } = await load(folder);
    expect(Object.fromEntries([...tensors].map(([key, { values }]) => [key, values[0]]))).toEqual({
      '3/q_rope': 10,
      '3/l_out': 20,
      '3/mine': 30,
    });
    expect(run.notes[0]).toBe("format: a folder of 3 files by SGLang's dumper");
    expect(run.metadata.producer.name).toBe('SGLang');
  });

  test('its modules hand on the residual stream beside what is to be added to it', async () => {
    const folder = folderOf({
      [module(1, 'embed_tokens.output')]: saved(1),
      [module(2, 'layers.0.input_layernorm.output')]: saved(2),
      [module(3, 'layers.0.self_attn.qkv_proj.output')]: saved(3),
      [module(4, 'layers.0.self_attn.rotary_emb.output.0')]: saved(4),
      [module(5, 'layers.0.self_attn.rotary_emb.output.1')]: saved(5),
      [module(6, 'layers.0.self_attn.o_proj.inputs.0')]: saved(6),
      [module(7, 'layers.0.self_attn.output')]: saved(7),
      [module(8, 'layers.0.post_attention_layernorm.output.0')]: saved(8),
      [module(9, 'layers.0.post_attention_layernorm.output.1')]: saved(9),
      [module(10, 'layers.0.output.0')]: saved(10),
      [module(11, 'layers.0.output.1')]: saved(11),
      [module(12, 'layers.1.input_layernorm.output.0')]: saved(12),
      [module(13, 'layers.1.input_layernorm.output.1')]: saved(13),
      [module(14, 'norm.output.0')]: saved(14),
      [module(15, 'norm.output.1')]: saved(15),
    });
    const { tensors } = await load(folder);
    expect(Object.fromEntries([...tensors].map(([key, { values }]) => [key, values[0]]))).toEqual({
      '-/embd': 1,
      '0/attn_norm': 2,
      '0/self_attn.qkv_proj': 3,
      '0/q_rope': 4,
      '0/k_rope': 5,
      '0/kqv_out': 6,
      '0/attn_out': 7,
      '0/ffn_norm': 8,
      '0/ffn_inp': 9,
      '0/ffn_out': 10,
      '1/attn_norm': 12,
      '0/l_out': 13,
      '-/result_norm': 14,
      '1/l_out': 15,
    });
  });

  test('of several passes the first is taken, and what is dumped twice once', async () => {
    const folder = folderOf({
      [tag(9, 'l_out', '___layer_id=0', 2)]: saved(90),
      [tag(1, 'l_out', '___layer_id=0')]: saved(10),
      [tag(2, 'l_out', '___layer_id=0')]: saved(20),
    });
    const { tensors, run } = await load(folder);
    expect(tensors.get('0/l_out')?.values[0]).toBe(10);
    expect(run.notes).toContain('left out: 1 pass after the first, which is step 0');
    expect(run.notes).toContain('left out, since they were dumped again in the same pass: 1 tensor (layers.*.l_out)');
  });

  test('of several ranks it is refused, and so is a file that is cut off', async () => {
    const ranks = folderOf({ [tag(1, 'l_out')]: saved(1), [tag(2, 'l_out', '', 0, 1)]: saved(2) });
    expect(await failure(ranks)).toMatchObject({
      code: 'dump-unsupported',
      message: expect.stringContaining('2 ranks'),
    });
    const cut = folderOf({ [tag(1, 'l_out')]: saved(1).subarray(0, 90) });
    expect(await failure(cut)).toMatchObject({ code: 'dump-damaged' });
  });
});

describe("MAX's checkpoints", () => {
  interface Head {
    readonly type?: number;
    readonly shape?: readonly number[];
    readonly version?: number;
    readonly key?: string;
    readonly head?: number;
    readonly begin?: number;
  }
  const max = ({ type = 81, shape = [2, 3], version = 0, key = 'x', head, begin }: Head, values: Uint8Array) => {
    const length = 4 + key.length + 2 + 4 * shape.length + 8;
    const bytes = Buffer.alloc(24 + length);
    bytes.write('\x93\xf0\x9f\x94\xa5\x2b\x2b\x93', 'latin1');
    bytes.writeUInt32LE(version, 8);
    bytes.writeBigUInt64LE(BigInt(head ?? length), 16);
    bytes.writeUInt32LE(key.length, 24);
    bytes.write(key, 28);
    bytes.set([type, shape.length], 28 + key.length);
    for (const [i, size] of shape.entries()) bytes.writeUInt32LE(size, 30 + key.length + 4 * i);
    bytes.writeBigUInt64LE(BigInt(begin ?? bytes.length), bytes.length - 8);
    return Buffer.concat([bytes, values]);
  };
  const SIX = [1, 2, 3, 4, 5, 6];

  test("a folder of them has Hugging Face's modules, whose inputs and outputs they are", async () => {
    const folder = pathOf('max');
    mkdirSync(folder);
    const write = (name: string, bytes: Buffer) => writeFileSync(join(folder, name), bytes);
    write('model.layers.0.mlp.down_proj-output_0.max', max({}, floats(SIX)));
    write('model.layers.0.self_attn.q_proj-output.max', max({ shape: [2, 1] }, floats([7, 8])));
    const half = new Uint8Array(Uint16Array.of(0x3f80, 0x4000, 0, 0).buffer); // bfloat16
    write('model.lm_head-output.max', max({ type: 80, shape: [2, 2] }, half));
    const { tensors, run } = await load(folder);
    expect([...(tensors.get('0/ffn_out')?.values ?? [])]).toEqual(SIX);
    expect([...(tensors.get('0/q_proj')?.values ?? [])]).toEqual([7, 8]);
    expect([...(tensors.get('-/result_output')?.values ?? [])]).toEqual([1, 2, 0, 0]);
    expect(run.notes[0]).toBe('format: a folder of 3 MAX files');
  });

  test.each<[string, Buffer, string, RegExp]>([
    ['cut off in its head', max({}, floats(SIX)).subarray(0, 30), 'dump-damaged', /its head is to reach to byte/],
    ['cut off', max({}, floats([1])), 'dump-damaged', /F32 \[2, 3\] is to be at 47, and 51 bytes are there/],
    ['of more than memory has', max({ shape: [2 ** 31, 2 ** 31] }, floats(SIX)), 'dump-damaged', /bytes are there/],
    ['that begins in its own head', max({ begin: 8 }, floats(SIX)), 'dump-damaged', /is to be at 8/],
    ['with a name of any length', max({ key: 'x'.repeat(70_000) }, floats(SIX)), 'dump-damaged', /its head/],
    ['of an unknown type', max({ type: 64 }, floats(SIX)), 'dump-unsupported', /MAX's type 64/],
    ['of another version', max({ version: 3 }, floats(SIX)), 'dump-unsupported', /version 3/],
    ['of two tensors', max({ head: 99 }, floats(SIX)), 'dump-unsupported', /more than one tensor/],
  ])('%s is refused', async (_, bytes, code, message) => {
    expect(await failure(fileOf(bytes, '.max'))).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe("Core AI's save_intermediates", () => {
  const ids = npy([1, 2], BigInt64Array.of(5n, 6n), { descr: '<i8' });
  const rows = (...values: number[]) => npy([1, 2, values.length / 2], Float32Array.from(values));
  const folderOf = (metadata: unknown, files: Readonly<Record<string, Uint8Array>> = {}) => {
    const folder = pathOf('main.aimodelintermediates');
    mkdirSync(join(folder, 'data'), { recursive: true });
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, 'data', name), bytes);
    writeFileSync(join(folder, 'metadata.json'), JSON.stringify(metadata));
    return folder;
  };
  const node = (file: string) => ({
    node_op: 'call_function',
    data_file: `data/${file}.npy`,
    torch_dtype: 'torch.float32',
  });

  test('is a folder whose nodes have names of their own; weights among the inputs are left out', async () => {
    const folder = folderOf(
      {
        inputs: { p_w: node('p_w_0000'), input_ids: node('input_ids_0001') },
        intermediates: { linear_3: node('linear_3_0002') },
        outputs: { linear_4: node('linear_4_0003') },
      },
      {
        'p_w_0000.npy': rows(9, 9),
        'input_ids_0001.npy': ids,
        'linear_3_0002.npy': rows(1, 2, 3, 4),
        'linear_4_0003.npy': rows(5, 6),
      },
    );
    const { tensors, run } = await load(folder);
    expect([...tensors].map(([key, { values }]) => [key, ...values])).toEqual([
      ['3/linear', 1, 2, 3, 4],
      ['4/linear', 5, 6],
    ]);
    expect(run.metadata.tokens).toEqual([5, 6]);
    expect(run.metadata.producer.name).toBe('PyTorch, for Core AI');
    expect(run.notes.slice(0, 2)).toEqual([
      "format: a folder of 4 nodes by Core AI's save_intermediates",
      'left out, since they are inputs of the program and no token ids: 1 tensor (p_w)',
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ['without a file', { x: {} }, /x has no data_file/],
    ['that is no node', { x: null }, /x has no data_file/],
    ['outside of the folder', { x: { data_file: '../../x.npy' } }, /x is in \.\.\/\.\.\/x\.npy, outside of its folder/],
    ['that is not there', { x: node('gone') }, /gone\.npy: cannot be opened/],
  ])('a node %s is refused', async (_, intermediates, message) => {
    const found = await failure(folderOf({ inputs: {}, intermediates, outputs: {} }));
    expect(found.message).toMatch(message);
  });

  test('a folder with another metadata.json is none of it', async () => {
    const folder = folderOf({ inputs: {} });
    writeFileSync(join(folder, 'l_out-0.npy'), rows(1, 2));
    expect((await load(folder)).run.notes[0]).toBe('format: a folder of 1 NumPy files');
  });
});
