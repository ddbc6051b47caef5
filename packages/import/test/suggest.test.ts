import type { RecordedRun, Tensor } from '@llama-probe/dump';
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
});
