import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numberOfType } from '@llama-probe/engine';
import { dequantizeRow, type QuantizedType } from '@llama-probe/oracle';
import { quantizeModel } from '@llama-probe/reference';
import { floats, type GgufParts, randomFrom, text, tinyLlama } from '@llama-probe/testing';
import type { PairReport, WeightsComparison } from '@llama-probe/weights';
import { describe, expect, test } from 'vitest';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import {
  type Array2,
  arraysOf,
  ggufFile,
  HUGGING_FACE,
  npyFolder,
  rowsFrom,
  SIZES,
  safetensorsFile,
  tiny,
} from './support/weight-files.js';

const against = (model: string, other: string, ...options: string[]) =>
  probeJson<WeightsComparison>(['weights', '--model', model, '--against', other, ...options]);
const find = ({ pairs }: WeightsComparison, name: string) => pairs.find((pair) => pair.name === name) as PairReport;
const differing = ({ pairs }: WeightsComparison) =>
  pairs.filter(({ verdict }) => verdict === 'differs').map(({ name }) => name);

const { headDim } = SIZES;
/** Of a head whose rows lie in pairs, the row that Hugging Face has at each place; and the other way round. */
const toHalves = (row: number) => row - (row % headDim) + halfOf(row % headDim);
const halfOf = (at: number) => (at < headDim / 2 ? 2 * at : 2 * (at - headDim / 2) + 1);

/** A checkpoint as Hugging Face has it: its names, and Q and K in half-split order. */
const checkpoint = (arrays: ReadonlyMap<string, Array2>): Map<string, Array2> =>
  new Map(
    [...arrays].map(([name, array]) => [
      HUGGING_FACE(name),
      /attn_[qk]\./.test(name) ? rowsFrom(array, toHalves) : array,
    ]),
  );

/** The model with one array changed, as a folder. */
const changed = (
  parts: GgufParts,
  name: string,
  change: (array: Array2, all: Map<string, Array2>) => Array2,
): string => {
  const arrays = arraysOf(parts);
  arrays.set(name, change(arrays.get(name) as Array2, arrays));
  return npyFolder(arrays);
};

const ATTN_K = 'blk.1.attn_k.weight';
const transpose = ({ shape, values }: Array2): Array2 => {
  const [rows, columns] = shape as [number, number];
  const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
  return { shape: [columns, rows], values: turned };
};
const with_ = (array: Array2, values: (value: number, i: number) => number): Array2 => ({
  ...array,
  values: array.values.map(values),
});

describe('a checkpoint of Hugging Face', () => {
  const parts = tiny();
  const model = ggufFile(parts);
  const hf = checkpoint(arraysOf(parts));

  test('is the same, and that Q and K are permuted is healthy', async () => {
    const { json, code } = await against(model, safetensorsFile(path('model.safetensors'), hf));
    expect([code, json.verdict]).toEqual([0, 'equal']);
    expect(differing(json)).toEqual([]);
    const permuted = json.pairs.filter(({ layout }) => layout.length > 0).map(({ name }) => name);
    expect(permuted).toEqual([0, 1].flatMap((il) => ['q', 'k'].map((part) => `blk.${il}.attn_${part}.weight`)));
    expect(json.pairs.every(({ values }) => values.kind === 'equal')).toBe(true);
    expect(json.reason).toContain('4 permuted as llama.cpp’s converter does');
    expect(json.pairs).toHaveLength(parts.tensors.length);
  });

  test('in shards, as bfloat16', async () => {
    const folder = path('sharded');
    mkdirSync(folder);
    const names = [...hf.keys()];
    const shards = [names.slice(0, 9), names.slice(9)].map((some, i) => {
      const file = `model-0000${i + 1}-of-00002.safetensors`;
      safetensorsFile(join(folder, file), new Map(some.map((name) => [name, hf.get(name) as Array2])), 'BF16');
      return some.map((name) => [name, file]);
    });
    writeFileSync(
      join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: Object.fromEntries(shards.flat()) }),
    );
    const rounded = arraysOf(parts);
    const cut = (value: number) =>
      new Float32Array(
        new Uint32Array([(new Uint32Array(Float32Array.of(value).buffer)[0] as number) & 0xffff0000]).buffer,
      )[0] as number;
    const tensors = [...rounded].map(([name, { shape, values }]) =>
      floats(name, [...shape].reverse(), values.map(cut)),
    );
    const shard = join(folder, 'model-00002-of-00002.safetensors');
    const model = ggufFile({ ...parts, tensors });
    for (const other of [folder, join(folder, 'model.safetensors.index.json'), shard]) {
      const { json, code } = await against(model, other);
      expect([code, json.verdict, differing(json), json.missing]).toEqual([0, 'equal', [], []]);
      expect(json.other.format).toContain('2 .safetensors files');
    }
    rmSync(join(folder, 'model-00001-of-00002.safetensors'));
    const alone = await against(model, shard);
    expect([alone.code, alone.json.missing.length, alone.json.pairs.length]).toEqual([1, 9, parts.tensors.length - 9]);
    expect(alone.json.reason).toMatch(/^9 of the model's 21 tensors are missing there: /);
  });

  test('whose Q was not permuted for the GGUF file: that is said, and nobody is accused of it', async () => {
    const same = new Map([...arraysOf(parts)].map(([name, array]) => [HUGGING_FACE(name), array]));
    const { json, code } = await against(model, safetensorsFile(path('same.safetensors'), same));
    expect([code, json.verdict]).toEqual([0, 'equal']);
    expect(json.remarks[0]).toContain(`if ${json.other.file} is the original checkpoint`);
  });

  test('of which one K alone was not permuted: that no converter does both is said', async () => {
    const one = new Map(hf).set(HUGGING_FACE(ATTN_K), arraysOf(parts).get(ATTN_K) as Array2);
    const { json } = await against(model, safetensorsFile(path('one.safetensors'), one));
    expect(json.reason).toContain('3 permuted as llama.cpp’s converter does for Q and K, 1 of Q and K not');
    expect(json.remarks[0]).toContain(`${ATTN_K}: in the same order on both sides, where others`);
  });

  test('of which one Q is that of another layer: whose it is, is found in the checkpoint’s order, too', async () => {
    const [mine, its] = ['blk.0.attn_q.weight', 'blk.1.attn_q.weight'];
    const swapped = new Map(hf).set(HUGGING_FACE(mine), hf.get(HUGGING_FACE(its)) as Array2);
    const { json, code } = await against(model, safetensorsFile(path('swapped.safetensors'), swapped));
    expect([code, differing(json)]).toEqual([1, [mine]]);
    expect(find(json, mine)).toMatchObject({ is: its, layout: [{ kind: 'half-split' }] });
  });

  test('of an architecture that the converter does not permute: then it is a difference', async () => {
    const qwen = tiny({ architecture: 'qwen2' });
    const file = safetensorsFile(path('qwen.safetensors'), checkpoint(arraysOf(qwen)));
    const { json, code } = await against(ggufFile(qwen), file);
    expect(code).toBe(1);
    expect(differing(json)).toHaveLength(4);
    expect(json.reason).toContain("llama.cpp's converter does not do that for qwen2");
  });

  test('with experts, each in a tensor of its own', async () => {
    const moe = tiny({ experts: 4 });
    const arrays = new Map<string, Array2>();
    for (const [name, array] of checkpoint(arraysOf(moe))) {
      const [, layer, part] = /layers\.(\d+)\.ffn_(gate|up|down)_exps/.exec(name) ?? [];
      const [experts = 1, rows = 1, columns = 1] = array.shape;
      for (let expert = 0; part && expert < experts; expert++) {
        const values = array.values.slice(expert * rows * columns, (expert + 1) * rows * columns);
        arrays.set(`model.layers.${layer}.mlp.experts.${expert}.${part}_proj.weight`, {
          shape: [rows, columns],
          values,
        });
      }
      if (!part) arrays.set(name.replace('ffn_gate_inp', 'mlp.gate'), array);
    }
    const healthy = await against(ggufFile(moe), safetensorsFile(path('moe.safetensors'), arrays));
    expect([healthy.code, differing(healthy.json), healthy.json.missing, healthy.json.extra]).toEqual([0, [], [], []]);
    expect(find(healthy.json, 'blk.1.ffn_up_exps.weight').otherShape).toEqual([4, SIZES.ff, SIZES.embd]);
    const expert = 'model.layers.1.mlp.experts.2.up_proj.weight';
    arrays.set(
      expert,
      with_(arrays.get(expert) as Array2, (value) => 2 * value),
    );
    const sick = await against(ggufFile(moe), safetensorsFile(path('sick.safetensors'), arrays));
    expect(differing(sick.json)).toEqual(['blk.1.ffn_up_exps.weight']);
    const first = 2 * SIZES.ff;
    expect(find(sick.json, 'blk.1.ffn_up_exps.weight').values).toEqual({ kind: 'rows', rows: SIZES.ff, first });
  });

  test('of gemma, to whose norms the converter adds 1', async () => {
    const gemma = tiny({ architecture: 'gemma' });
    const less = new Map(
      [...arraysOf(gemma)].map(([name, array]) => [
        HUGGING_FACE(name),
        name.includes('norm') ? with_(array, (value) => value - 1) : array,
      ]),
    );
    const file = safetensorsFile(path('gemma.safetensors'), less);
    const { json, code } = await against(ggufFile(gemma), file);
    expect([code, differing(json)]).toEqual([0, []]);
    expect(find(json, 'output_norm.weight').text).toContain("1 is added to the norm's weight");
    const llama = await against(ggufFile({ ...gemma, metadata: parts.metadata }), file);
    expect(differing(llama.json)).toContain('output_norm.weight');
  });

  test('whose vocabulary is larger', async () => {
    const larger = new Map(hf);
    const { shape, values } = hf.get('lm_head.weight') as Array2;
    const [rows = 0, columns = 0] = shape;
    const more = Float32Array.from([...values, ...new Float32Array(2 * columns)]);
    larger.set('lm_head.weight', { shape: [rows + 2, columns], values: more });
    const { json } = await against(model, safetensorsFile(path('larger.safetensors'), larger));
    expect(differing(json)).toEqual(['output.weight']);
    expect(find(json, 'output.weight').text).toBe(
      `another number of rows, ${rows + 2} there; of those that both have; then equal, bit for bit`,
    );
  });

  test('with tensors that are not there, and others that are', async () => {
    const some = new Map([...hf].filter(([name]) => name !== 'model.layers.1.mlp.up_proj.weight'));
    some.set('model.layers.9.mlp.up_proj.weight', hf.get('model.norm.weight') as Array2);
    some.set('model.layers.0.self_attn.rotary_emb.inv_freq', hf.get('model.norm.weight') as Array2);
    const { json, code } = await against(model, safetensorsFile(path('some.safetensors'), some));
    expect([code, json.verdict]).toEqual([1, 'differ']);
    expect(json.missing).toEqual(['blk.1.ffn_up.weight']);
    expect(json.extra).toEqual(['model.layers.9.mlp.up_proj.weight']);
  });
});

describe('what an engine has made of the weights', () => {
  const parts = tiny();
  const model = ggufFile(parts);

  interface Case {
    readonly change: (array: Array2, all: Map<string, Array2>) => Array2;
    readonly layout?: readonly object[];
    readonly values?: object;
    readonly says: string;
    readonly is?: string;
    readonly of?: string;
  }
  const CASES: Readonly<Record<string, Case>> = {
    transposed: {
      change: transpose,
      layout: [{ kind: 'transposed' }],
      says: 'transposed: rows there are columns here',
    },
    'transposed under its old shape': {
      change: (array) => ({ ...transpose(array), shape: array.shape }),
      layout: [{ kind: 'transposed' }, { kind: 'reshaped' }],
      says: 'transposed: rows there are columns here',
    },
    'a square matrix transposed': {
      of: 'blk.0.attn_q.weight',
      change: transpose,
      layout: [{ kind: 'transposed' }],
      says: 'transposed',
    },
    'scaled by a factor': {
      change: (array) => with_(array, (value) => value / 8),
      values: { kind: 'scaled', factor: 8 },
      says: "the model's values are 8 times those",
    },
    negated: {
      change: (array) => with_(array, (value) => -value),
      values: { kind: 'scaled', factor: -1 },
      says: '-1 times',
    },
    'off by a row': {
      change: (array) => rowsFrom(array, (row) => Math.max(0, row - 1)),
      layout: [{ kind: 'shifted', by: 1 }],
      says: 'off by a row: row i of the model is row i + 1 there',
    },
    'permuted the wrong way': {
      change: (array) => rowsFrom(array, (row) => row - (row % headDim) + (row % 2) * 4 + ((row % headDim) >> 1)),
      layout: [{ kind: 'adjacent' }],
      says: 'permuted the wrong way',
    },
    'heads in another order': {
      change: (array) => rowsFrom(array, (row) => (row + headDim) % (2 * headDim)),
      layout: [{ kind: 'heads', order: [1, 0] }],
      says: 'heads in another order: 1 0',
    },
    'another layer’s': {
      change: (_, all) => all.get('blk.0.attn_k.weight') as Array2,
      is: 'blk.0.attn_k.weight',
      says: 'these are the values of blk.0.attn_k.weight',
    },
    'another projection’s': {
      change: (_, all) => all.get('blk.1.attn_v.weight') as Array2,
      is: 'blk.1.attn_v.weight',
      says: 'it is another tensor',
    },
    'one row wrong': {
      change: (array) => with_(array, (value, i) => (i >= 5 * 32 && i < 6 * 32 ? -value : value)),
      values: { kind: 'rows', rows: 1, first: 5 },
      says: '1 of 16 rows differ, the first is row 5',
    },
    'one value NaN': {
      change: (array) => with_(array, (value, i) => (i === 70 ? Number.NaN : value)),
      values: { kind: 'rows', rows: 1, first: 2 },
      says: '1 of 16 rows differ, the first is row 2',
    },
    'other numbers': {
      change: (array) => with_(array, randomFrom(7)),
      values: { kind: 'differ' },
      says: 'no known reason',
    },
  };

  test.each(Object.entries(CASES))(
    '%s',
    async (_, { change, layout = [], values = {}, is = null, says, of = ATTN_K }) => {
      const { json, code } = await against(model, changed(parts, of, change));
      expect([code, json.verdict]).toEqual([1, 'differ']);
      expect(differing(json)).toEqual([of]);
      const pair = find(json, of);
      expect(pair).toMatchObject({ layout, is, misreading: null });
      for (const [key, value] of Object.entries(values)) {
        const found = (pair.values as unknown as Record<string, unknown>)[key];
        if (typeof value === 'number') expect(found).toBeCloseTo(value, 5);
        else expect(found).toBe(value);
      }
      expect(pair.text).toContain(says);
      expect(json.reason).toContain(`1 of 21 tensors differ: ${of} `);
    },
  );

  test('the same, without shapes and under half the names, is right', async () => {
    const folder = path('raw');
    mkdirSync(folder);
    for (const [name, { values }] of arraysOf(parts)) {
      if (!name.startsWith('blk.0')) continue;
      writeFileSync(join(folder, `${name.replace('.weight', '')}.f32`), Buffer.from(values.buffer));
    }
    const { json, code } = await against(model, folder, '--tensor', 'blk.0.*');
    expect([code, json.verdict, json.pairs.length]).toEqual([0, 'equal', 9]);
  });

  test('in float16 it is right, too', async () => {
    const half = (value: number) => {
      const exponent = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10);
      const steps = value / exponent;
      return (Math.abs(steps % 1) === 0.5 ? 2 * Math.round(steps / 2) : Math.round(steps)) * exponent; // ties to even
    };
    const { json, code } = await against(
      model,
      changed(parts, ATTN_K, (array) => with_(array, half)),
    );
    expect(find(json, ATTN_K).values).toEqual({ kind: 'rounded', type: 'F16' });
    expect(code).toBe(0);
  });
});

describe('dequantisation', () => {
  const COLUMNS = 512;
  const ROWS = 8;
  const SIZE: Readonly<Record<string, readonly [elements: number, bytes: number, halves: readonly number[]]>> = {
    Q4_0: [32, 18, [0]],
    Q8_0: [32, 34, [0]],
    Q5_1: [32, 24, [0, 2]],
    Q4_K: [256, 144, [0, 2]],
    Q6_K: [256, 210, [208]],
  };
  /** Random blocks whose scales are about 0.01 and none of which is like another. */
  const blocks = (type: string): Buffer => {
    const [elements, bytes, halves] = SIZE[type] as NonNullable<(typeof SIZE)[string]>;
    const random = randomFrom(3);
    const data = Buffer.from(Array.from({ length: ((COLUMNS * ROWS) / elements) * bytes }, () => random() * 256));
    for (let at = 0; at < data.length; at += bytes)
      for (const half of halves) data.writeUInt16LE(0x2000 + random() * 1024, at + half);
    return data;
  };
  const modelOf = (type: string) =>
    ggufFile({
      metadata: { 'general.architecture': text('llama') },
      tensors: [{ name: 'output.weight', type: numberOfType(type), shape: [COLUMNS, ROWS], data: blocks(type) }],
    });
  const folderOf = (values: Float64Array) =>
    npyFolder(new Map([['output.weight', { shape: [ROWS, COLUMNS], values: Float32Array.from(values) }]]));
  const read = (type: QuantizedType, reading = {}) => dequantizeRow(type, blocks(type), COLUMNS * ROWS, reading);

  test.each(Object.keys(SIZE) as QuantizedType[])('of %s that is right', async (type) => {
    const { json, code } = await against(modelOf(type), folderOf(read(type)));
    expect([code, json.verdict]).toEqual([0, 'equal']);
    expect(json.pairs[0]?.values.kind).toBe('equal');
  });

  test.each<[QuantizedType, object, string, object]>([
    ['Q4_0', { nibbles: 'adjacent' }, 'nibble-order', { nibbles: 'adjacent' }],
    ['Q4_0', { excess: 'twos-complement' }, 'quant-excess', { 'read as': 'twos-complement' }],
    ['Q8_0', { excess: 'none' }, 'quant-excess', { 'read as': 'excess-128' }],
    ['Q8_0', { excess: 'unsigned' }, 'quant-excess', { 'read as': 'uint8' }],
    ['Q5_1', { minimum: 'missing' }, 'block-minimum', { minimum: 'missing' }],
    ['Q5_1', { high: 'missing' }, 'quant-high-bits', { 'high bits': 'missing' }],
    ['Q4_K', { scales: 'plain' }, 'k-quant-scales', { scales: 'plain' }],
    ['Q4_K', { scales: 'low-bits-of-minima' }, 'k-quant-scales', { scales: 'low-bits-of-minima' }],
    ['Q6_K', { scales: 'unsigned' }, 'k-quant-scales', { scales: 'unsigned' }],
    ['Q6_K', { half: 'bf16' }, 'block-scale-type', { scale: 'bf16' }],
  ])('of %s with %o is named: %s', async (type, reading, id, parameters) => {
    const { json, code } = await against(modelOf(type), folderOf(read(type, reading)));
    expect([code, json.verdict]).toEqual([1, 'differ']);
    expect(json.pairs[0]?.misreading).toMatchObject({ id, parameters });
    expect(json.pairs[0]?.first).toMatchObject({ row: 0, block: expect.any(Number) });
    expect(json.reason).toContain('dequantised wrongly');
    expect(json.next[0]).toContain(`Mend the dequantisation of ${type} first`);
  });

  test('that is coarser than it need be is no difference, and a row that is wrong is one', async () => {
    const random = randomFrom(5);
    const rows = 64;
    const values = Float32Array.from({ length: COLUMNS * rows }, () => random() - 0.5);
    const data = Buffer.alloc((values.length * 34) / 32);
    for (let block = 0; block < values.length / 32; block++) {
      data.writeUInt16LE(0x1c20, block * 34); // 0.00403: 124 steps for 0.5, where ggml takes 127 for the largest
      for (let i = 0; i < 32; i++) {
        data.writeInt8(Math.round((values[block * 32 + i] as number) / 0.00402832), block * 34 + 2 + i);
      }
    }
    const tensors = [{ name: 'output.weight', type: numberOfType('Q8_0'), shape: [COLUMNS, rows], data }];
    const model = ggufFile({ metadata: { 'general.architecture': text('llama') }, tensors });
    const heldTo = async (change: (value: number, i: number) => number) => {
      const array = { shape: [rows, COLUMNS], values: values.map(change) };
      const { json, code } = await against(model, npyFolder(new Map([['output.weight', array]])));
      return { code, values: json.pairs[0]?.values };
    };
    expect(await heldTo((value) => value)).toMatchObject({ code: 0, values: { kind: 'requantised', type: 'Q8_0' } });
    const wrongRow = await heldTo((value, i) => (Math.floor(i / COLUMNS) === 20 ? -value : value));
    expect(wrongRow).toEqual({ code: 1, values: { kind: 'rows', rows: 1, first: 20 } });
    expect(await heldTo((value, i) => value * (1 + (i % 3) / 50))).toEqual({ code: 1, values: { kind: 'differ' } });
  });

  test('of a type that is only made with an importance matrix: what it was made of is no difference', async () => {
    const sizes = { layers: 1, embd: 256, heads: 4, kvHeads: 2, headDim: 64, ff: 256, vocab: 32, context: 16 };
    const parts = tinyLlama(sizes, randomFrom(4));
    parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
    const original = ggufFile(parts);
    const made = await quantizeModel({ model: original, type: 'IQ3_XXS' });
    const held = await against(made, original, '--tensor', 'blk.0.ffn_gate.weight');
    expect([held.code, held.json.verdict]).toEqual([0, 'equal']);
    expect(find(held.json, 'blk.0.ffn_gate.weight').values).toMatchObject({ type: 'IQ3_XXS' });
  });

  test('that no known bug makes is not named', async () => {
    const values = read('Q4_K').map((value, i) => (i % 3 === 0 ? value * 1.5 : value));
    const { json, code } = await against(modelOf('Q4_K'), folderOf(values));
    expect(code).toBe(1);
    expect(json.pairs[0]).toMatchObject({ misreading: null, values: { kind: 'differ' } });
  });
});

describe('what cannot be', () => {
  const model = ggufFile(tiny());
  test.each([
    [
      'nothing in common',
      () => npyFolder(new Map([['x', { shape: [2], values: new Float32Array(2) }]])),
      'have no tensor in common: there it is x',
    ],
    ['an empty folder', () => npyFolder(new Map()), 'none of which is *.safetensors, *.npy'],
    ['nothing', () => path('nowhere'), 'no such file or folder. Give a GGUF file'],
    [
      'a shard that is missing',
      () => {
        const folder = path('shards');
        mkdirSync(folder);
        safetensorsFile(join(folder, 'a.safetensors'), arraysOf(tiny()));
        writeFileSync(join(folder, 'model.safetensors.index.json'), '{"weight_map": {"x": "b.safetensors"}}');
        return folder;
      },
      'names b.safetensors, which is not there',
    ],
  ])('%s', async (_, other, says) => {
    const { code, stderr, stdout } = await probe(['weights', '--model', model, '--against', other()]);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
  });

  test('--values with it', async () => {
    const { code, stderr } = await probe(['weights', '--against', model, '--values', '3']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('Leave out --against')]);
  });
});
