import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { encodeGraph, Graph } from '@llama-probe/dump/stage';
import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { suggestMap } from '../src/index.js';
import { fileOf, load } from './support/files.js';
import { type Entry, floats, ids, safetensorsFile } from './support/safetensors.js';

const TOKENS = [5, 6, 7];
const WIDTH = 64;
const random = seeded();
const numbers = (count = TOKENS.length * WIDTH): Float32Array =>
  Float32Array.from({ length: count }, () => random() - 0.5);

const stage = (name: string, layer: number | null, values = numbers()): Tensor => ({
  step: 0,
  order: 0,
  layer,
  stage: name,
  positions: Int32Array.of(0, 1, 2),
  width: values.length / TOKENS.length,
  values,
});

const runOf = (tensors: readonly Tensor[]): RecordedRun => ({
  path: 'reference.arrow',
  bytes: 0,
  metadata: { producer: { name: 'llama.cpp', version: '' }, tokens: TOKENS },
  notes: [],
  async *tensors() {
    yield* tensors;
  },
  close: async () => {},
});

const layers = [0, 1].map((layer) => ({
  q: stage('q_rope', layer),
  k: stage('k_proj', layer, numbers(TOKENS.length * 16)),
  out: stage('l_out', layer),
}));
const reference = runOf(layers.flatMap(({ q, k, out }) => [q, k, out]));
const rows = (values: Float32Array, shape: readonly number[] = [TOKENS.length, values.length / TOKENS.length]): Entry =>
  floats(shape, (i) => values[i] as number);
const at = (layer: 0 | 1) => layers[layer] as (typeof layers)[number];

const suggested = (entries: Readonly<Record<string, Entry>>, run = reference, options = {}) =>
  suggestMap(safetensorsFile(entries), run, options);

describe('a suggested mapping file', () => {
  test('has names with the layer in them, of rows that are equal up to what an engine rounds', async () => {
    const rounded = at(1).out.values.map((value) => value * (1 + 0.003 * (random() - 0.5)));
    const { mapping, found, notes } = await suggested({
      'net.0.x': rows(at(0).out.values),
      'net.1.x': rows(rounded),
      my_ids: ids(...TOKENS),
    });
    expect(mapping).toEqual({ tokens: 'my_ids', tensors: [{ name: 'net.{layer}.x', stage: 'l_out' }] });
    expect(found).toBe(2);
    expect(notes[0]).toMatch(/^net\.\{layer\}\.x is l_out, to within \d/);
    expect(notes[1]).toBe('my_ids: the token ids');
  });

  test('reads back as these stages', async () => {
    const both = new Float32Array(TOKENS.length * 80);
    for (let row = 0; row < TOKENS.length; row++) {
      both.set(at(0).q.values.subarray(row * 64, row * 64 + 64), row * 80);
      both.set(at(0).k.values.subarray(row * 16, row * 16 + 16), row * 80 + 64);
    }
    const file = safetensorsFile({ 'net.1.qk': rows(both, [1, 3, 80]), 'net.2.x': rows(at(1).out.values) });
    const { mapping } = await suggestMap(file, reference);
    expect(mapping.layersFrom).toBe(1);
    const { tensors } = await load(file, { tokens: TOKENS, map: fileOf(JSON.stringify(mapping), '.json') });
    expect([...tensors.keys()].sort()).toEqual(['0/k_proj', '0/q_rope', '1/l_out']);
    expect(tensors.get('0/k_proj')?.values).toEqual(at(0).k.values);
    expect(tensors.get('0/q_rope')?.values).toEqual(at(0).q.values);
  });

  test.each<[string, (values: Float32Array) => Entry, RegExp]>([
    [
      'transposed',
      (v) => floats([64, 3], (i) => v[(i % 3) * 64 + Math.floor(i / 3)] as number),
      /^mine is l_out, exactly/,
    ],
    [
      'heads before tokens',
      (v) => floats([4, 3, 16], (i) => v[(Math.floor(i / 16) % 3) * 64 + Math.floor(i / 48) * 16 + (i % 16)] as number),
      /^mine is l_out, exactly/,
    ],
    [
      'in another order within a row',
      (v) => rows(v.map((_, i) => v[i - (i % 64) + ((i * 5) % 64)] as number)),
      /in another order/,
    ],
    [
      'in half-split order, by an engine in bf16',
      (v) =>
        rows(
          v.map(
            (_, i) =>
              (v[i - (i % 16) + (i % 16 < 8 ? 2 * (i % 16) : 2 * (i % 16) - 15)] as number) *
              (1 + 0.016 * (random() - 0.5)),
          ),
        ),
      /^mine is l_out in half-split order, as Hugging Face has it, to within [3-6]\.\de-3/,
    ],
    ['scaled', (v) => rows(v.map((value) => value * -0.125)), /^mine is l_out times -0\.125/],
  ])('finds rows that are %s', async (_, entry, note) => {
    const { mapping, notes } = await suggested({ mine: entry(at(1).out.values) });
    expect(mapping.tensors).toEqual([{ name: 'mine', stage: 'l_out', layer: 1 }]);
    expect(notes[0]).toMatch(note);
  });

  test.each<[string, Readonly<Record<string, Entry>>]>([
    ['other numbers', { mine: rows(numbers()) }],
    ['zeros', { mine: rows(new Float32Array(192)) }],
    ['NaN', { mine: rows(new Float32Array(192).fill(Number.NaN)) }],
    ['the last row alone', { mine: rows(Float32Array.from([...numbers(128), ...at(1).out.values.subarray(128)])) }],
    ['each row in a scale of its own', { mine: rows(at(1).out.values.map((v, i) => v * (1 + Math.floor(i / 64)))) }],
    ['half of it', { mine: rows(at(1).out.values.map((v) => (random() < 0.5 ? v : 0))) }],
  ])('nothing is suggested for %s', async (_, entries) => {
    const { mapping, found, notes } = await suggested(entries);
    expect(mapping.tensors).toEqual([]);
    expect(found).toBe(0);
    expect(notes).toEqual(['like no stage: 1 tensor (mine)']);
  });

  test('nor for what two stages are like, or what another array is already', async () => {
    const twins = runOf([at(0).out, stage('ffn_inp', 0, at(0).out.values)]);
    expect((await suggested({ mine: rows(at(0).out.values) }, twins)).found).toBe(0);
    const known = { 'l_out-0': rows(at(0).out.values), mine: rows(at(0).out.values) };
    expect((await suggested(known)).found).toBe(0);
  });

  test('of a pattern, what is not like its layer is told; the entries that were given stay', async () => {
    const map = fileOf(JSON.stringify({ tensors: [{ name: 'net.*.mask', ignore: true }] }), '.json');
    const entries = { 'net.0.x': rows(at(0).out.values), 'net.1.x': rows(numbers()), 'net.0.mask': rows(numbers()) };
    const { mapping, notes } = await suggested(entries, reference, { map });
    expect(mapping.tensors).toEqual([
      { name: 'net.*.mask', ignore: true },
      { name: 'net.{layer}.x', stage: 'l_out' },
    ]);
    expect(notes.at(-1)).toBe('of another layer of these names, and not like it: 1 tensor (net.*.x)');
  });

  describe('of two arrays whose sum is a stage', () => {
    /** A part of rows, and what is left. */
    const parted = (values: Float32Array): [Entry, Entry] => {
      const part = numbers(values.length);
      return [rows(part), rows(values.map((value, i) => value - (part[i] as number)))];
    };
    const ranks = (prefix: string, layer: 0 | 1) => {
      const [a, b] = parted(at(layer).out.values);
      return { [`rank0.${prefix}.${layer}.y`]: a, [`rank1.${prefix}.${layer}.y`]: b };
    };

    test('adds them, in every layer, and reads back as that stage', async () => {
      const file = safetensorsFile({ ...ranks('net', 0), ...ranks('net', 1), my_ids: ids(...TOKENS) });
      const { mapping, found, notes } = await suggestMap(file, reference);
      expect(mapping.tensors).toEqual([{ sum: ['rank0.net.{layer}.y', 'rank1.net.{layer}.y'], stage: 'l_out' }]);
      expect(found).toBe(2);
      expect(notes[0]).toMatch(
        /^rank0\.net\.\{layer\}\.y \+ rank1\.net\.\{layer\}\.y is l_out, to within \d.*: 4 tensors$/,
      );
      const { tensors } = await load(file, { map: fileOf(JSON.stringify(mapping), '.json') });
      expect([...tensors.keys()].sort()).toEqual(['0/l_out', '1/l_out']);
      for (const layer of [0, 1] as const) {
        const values = tensors.get(`${layer}/l_out`)?.values ?? new Float32Array();
        values.forEach((value, i) => {
          expect(value).toBeCloseTo(at(layer).out.values[i] as number, 6);
        });
      }
    });

    test('names them in full where a pattern would mean half of a sum elsewhere', async () => {
      const [a, b] = parted(at(1).out.values);
      const { mapping } = await suggested({ 'net.1.low': a, 'net.1.high': b, 'net.2.low': rows(numbers()) });
      expect(mapping.tensors).toEqual([{ sum: ['net.1.low', 'net.1.high'], stage: 'l_out', layer: 1 }]);
    });

    test.each<[string, () => Readonly<Record<string, Entry>>]>([
      [
        'of other layers',
        () => {
          const [a, b] = parted(at(1).out.values);
          return { 'a.1.y': a, 'b.3.y': b };
        },
      ],
      [
        'one of which is hardly more than what is left',
        () => ({
          'a.1.y': rows(at(1).out.values.map((v) => 0.97 * v + 0.012 * (random() - 0.5))),
          'b.1.y': rows(at(1).out.values.map((v) => 0.02 * v + 0.01 * (random() - 0.5))),
        }),
      ],
      [
        'one of which is small, and what is left in the last row alone',
        () => {
          const part = numbers().map((v) => v / 40);
          return {
            'a.1.y': rows(at(1).out.values.map((v, i) => v - (part[i] as number))),
            'b.1.y': rows(part.map((v, i) => (i < 128 ? v + (random() - 0.5) / 80 : v))),
          };
        },
      ],
      [
        'of which one is there twice',
        () => {
          const [a, b] = parted(at(1).out.values);
          return { 'a.1.y': a, 'b.1.y': b, 'c.1.y': b };
        },
      ],
      [
        'that are it in the last row alone',
        () => {
          const [a, b] = parted(at(1).out.values.map((v, i) => (i < 128 ? random() : v)));
          return { 'a.1.y': a, 'b.1.y': b };
        },
      ],
    ])('nothing is suggested for those %s', async (_, entries) => {
      expect((await suggested(entries())).mapping.tensors).toEqual([]);
    });

    test('nor where both are stages by themselves: their sum need not be what the engine has', async () => {
      const [attn, before] = [stage('attn_out', 1), stage('l_out', 0)];
      const sum = stage(
        'ffn_inp',
        1,
        attn.values.map((value, i) => value + (before.values[i] as number)),
      );
      const run = runOf([before, attn, sum]);
      const { mapping } = await suggested(
        { 'net.1.attn': rows(attn.values), 'net.1.stream': rows(before.values) },
        run,
      );
      expect(mapping.tensors).toEqual([
        { name: 'net.1.stream', stage: 'l_out', layer: 0 },
        { name: 'net.{layer}.attn', stage: 'attn_out' },
      ]);
    });
  });

  test('tells an array that two stages are in sum, which is no stage', async () => {
    const both = at(0).q.values.map((value, i) => value + (at(0).out.values[i] as number));
    const { mapping, notes } = await suggested({ mine: rows(both) });
    expect(mapping.tensors).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^mine is q_rope of layer 0 and l_out of layer 0 in sum, to within \d.*, which is no stage: dump the two apart$/,
      ),
    ]);
    const other = both.map((value, i) => (i < 128 ? random() : value));
    expect((await suggested({ mine: rows(other) })).notes).toEqual(['like no stage: 1 tensor (mine)']);
  });

  test('even where one of the two is small, so that it is near another stage', async () => {
    const [embd, attn, ffn] = [
      stage(
        'embd',
        null,
        numbers().map((v) => v / 80),
      ),
      stage('attn_out', 0),
      stage('ffn_out', 0),
    ];
    const both = attn.values.map((v, i) => v + (ffn.values[i] as number));
    const out = stage(
      'l_out',
      0,
      both.map((v, i) => v + (embd.values[i] as number)),
    );
    const run = runOf([embd, attn, ffn, out]);
    const alone = await suggested({ 'net.0.both': rows(both) }, run);
    expect(alone.mapping.tensors).toEqual([]);
    expect(alone.notes[0]).toMatch(/^net\.0\.both is attn_out of layer 0 and ffn_out of layer 0 in sum/);
    // Of two that are near a stage the one that is it.
    const near = out.values.map((v) => v * (1 + 0.02 * (random() - 0.5)));
    const { mapping } = await suggested({ 'net.0.near': rows(near), 'net.0.out': rows(out.values) }, run);
    expect(mapping.tensors).toEqual([{ name: 'net.{layer}.out', stage: 'l_out' }]);
  });

  test('and one that is their sum in the graph of the model, where the other run does not have it', async () => {
    const [attn, before] = [stage('attn_out', 0), stage('embd', null)];
    const run = runOf([before, attn]);
    const place = { stage: 'ffn_inp', layer: 0, op: 'ADD', inputs: [attn, before], row: 'values' } as const;
    const graph = encodeGraph(
      new Graph([{ ...place, inputs: [attn, before].map(({ stage, layer }) => ({ stage, layer })) }]),
    );
    const sum = attn.values.map((value, i) => value + (before.values[i] as number));
    const found = await suggested({ 'net.0.sum': rows(sum) }, { ...run, metadata: { ...run.metadata, graph } });
    expect(found.mapping.tensors).toEqual([{ name: 'net.{layer}.sum', stage: 'ffn_inp' }]);
  });

  test('a name is one stage, and a layer in which its array is like another one is told', async () => {
    const both = [0, 1, 2].map((layer) => [stage('ffn_gate', layer), stage('ffn_up', layer)] as const);
    const entries = both.flatMap(([gate, up], layer) => {
      const [a, b] = layer === 2 ? [up, gate] : [gate, up];
      return [
        [`net.${layer}.a`, rows(a.values)],
        [`net.${layer}.b`, rows(b.values)],
      ];
    });
    const { mapping, found, notes } = await suggested(Object.fromEntries(entries), runOf(both.flat()));
    expect(mapping.tensors).toEqual([
      { name: 'net.{layer}.a', stage: 'ffn_gate' },
      { name: 'net.{layer}.b', stage: 'ffn_up' },
    ]);
    expect(found).toBe(4);
    expect(notes).toContain(
      'net.2.a is like ffn_up of layer 2, exactly, and its name is ffn_gate in most layers: taken for ffn_gate',
    );
  });

  test('a number in a name that is the layer by chance makes no pattern', async () => {
    const [first, second] = [stage('l_out', 1), stage('ffn_inp', 1)];
    const { mapping } = await suggested(
      { add_1: rows(first.values), add_2: rows(second.values) },
      runOf([first, second]),
    );
    expect(mapping.tensors).toEqual([
      { name: 'add_1', stage: 'l_out', layer: 1 },
      { name: 'add_2', stage: 'ffn_inp', layer: 1 },
    ]);
  });

  test('finds Q and K in another order beside V in a fused product, and nothing where two stages are the same columns', async () => {
    const [q, k, v] = [stage('q_proj', 0), stage('k_proj', 0, numbers(48)), stage('v_proj', 0, numbers(48))];
    const halves = (values: Float32Array) =>
      values.map((_, i) => values[i - (i % 16) + (i % 16 < 8 ? 2 * (i % 16) : 2 * (i % 16) - 15)] as number);
    const fused = new Float32Array(TOKENS.length * 96);
    for (const [row] of TOKENS.entries()) {
      fused.set(halves(q.values).subarray(row * 64, row * 64 + 64), row * 96);
      fused.set(halves(k.values).subarray(row * 16, row * 16 + 16), row * 96 + 64);
      fused.set(v.values.subarray(row * 16, row * 16 + 16), row * 96 + 80);
    }
    const { mapping, notes } = await suggested({ 'net.0.qkv': rows(fused) }, runOf([q, k, v]));
    expect(mapping.tensors).toEqual([
      { name: 'net.{layer}.qkv', stage: 'q_proj', columns: [0, 64] },
      { name: 'net.{layer}.qkv', stage: 'k_proj', columns: [64, 80] },
      { name: 'net.{layer}.qkv', stage: 'v_proj', columns: [80, 96] },
    ]);
    expect(notes[0]).toMatch(
      /^net\.\{layer\}\.qkv, columns 0 to 64, is q_proj in half-split order, as Hugging Face has it, exactly/,
    );
    const twins = runOf([q, stage('q_rope', 0, q.values), k, v]);
    const { mapping: of } = await suggested({ 'net.0.qkv': rows(fused) }, twins);
    expect(of.tensors?.map((entry) => 'stage' in entry && entry.stage)).toEqual(['k_proj', 'v_proj']);
  });

  test('finds Q, K and V that alternate by heads, or by groups of them', async () => {
    const [q, k, v] = [stage('q_proj', 0), stage('k_proj', 0, numbers(48)), stage('v_proj', 0, numbers(48))];
    const fused = new Float32Array(TOKENS.length * 96);
    for (const [row] of TOKENS.entries()) {
      for (const group of [0, 1]) {
        const to = row * 96 + group * 48;
        fused.set(q.values.subarray(row * 64 + group * 32, row * 64 + group * 32 + 32), to);
        fused.set(k.values.subarray(row * 16 + group * 8, row * 16 + group * 8 + 8), to + 32);
        fused.set(v.values.subarray(row * 16 + group * 8, row * 16 + group * 8 + 8), to + 40);
      }
    }
    const { mapping, notes } = await suggested({ 'net.0.qkv': rows(fused) }, runOf([q, k, v]));
    expect(mapping.tensors).toEqual([
      { name: 'net.{layer}.qkv', stage: 'q_proj', columns: [0, 32], every: 48 },
      { name: 'net.{layer}.qkv', stage: 'k_proj', columns: [32, 40], every: 48 },
      { name: 'net.{layer}.qkv', stage: 'v_proj', columns: [40, 48], every: 48 },
    ]);
    expect(notes[0]).toBe('net.{layer}.qkv, columns 0 to 32 in every 48, is q_proj, exactly: 1 tensor');
  });

  test('of two numbers in a name, the one that counts the layers', async () => {
    const entries = { 'rank0.net.0.x': rows(at(0).out.values), 'rank0.net.1.x': rows(at(1).out.values) };
    expect((await suggested(entries)).mapping.tensors).toEqual([{ name: 'rank0.net.{layer}.x', stage: 'l_out' }]);
    const { mapping } = await suggested({ 'rank0.net.0.x': rows(at(0).out.values) });
    expect(mapping.tensors).toEqual([{ name: 'rank0.net.0.x', stage: 'l_out', layer: 0 }]);
  });
});
