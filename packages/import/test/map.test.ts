import { describe, expect, test } from 'vitest';
import { matcher } from '../src/map/pattern.js';
import { failure, fileOf, load } from './support/files.js';
import { floats, ids, safetensorsFile } from './support/safetensors.js';

const map = (mapping: object | string) =>
  fileOf(typeof mapping === 'string' ? mapping : JSON.stringify(mapping), '.json');

describe('a mapping file', () => {
  const file = () =>
    safetensorsFile({
      'dec.1.qkv': floats([2, 6]),
      'dec.2.qkv': floats([2, 6], (i) => 100 + i),
      'dec.1.attn': floats([1, 2, 3]),
      'dec.1.res': floats([1, 2, 3], (i) => 10 * i),
      'dec.1.mask': floats([2, 2]),
      'l_out-2': floats([2, 3]),
      'model.layers.1.self_attn.q_proj': floats([2, 3]),
      my_ids: ids(7, 8),
    });
  const mapping = {
    layersFrom: 1,
    tokens: 'my_ids',
    tensors: [
      { name: 'dec.{layer}.qkv', stage: 'q_proj', columns: [0, 2] },
      { name: 'dec.{layer}.qkv', stage: 'k_proj', columns: [2, 6] },
      { sum: ['dec.{layer}.attn', 'dec.{layer}.res'], stage: 'ffn_inp' },
      { name: 'dec.*.mask', ignore: true },
      { name: 'not.there', stage: 'embd' },
    ],
  };

  test('has slices, sums, layers from 1, token ids, and what to leave out; other names are read as ever', async () => {
    const { tensors, run } = await load(file(), { map: map(mapping) });
    const values = Object.fromEntries([...tensors].map(([key, one]) => [key, [...one.values]]));
    expect(values).toEqual({
      '0/q_proj': [0, 1, 6, 7],
      '0/k_proj': [2, 3, 4, 5, 8, 9, 10, 11],
      '0/ffn_inp': [0, 11, 22, 33, 44, 55],
      '1/q_proj': [100, 101, 106, 107],
      '1/k_proj': [102, 103, 104, 105, 108, 109, 110, 111],
      '1/l_out': [0, 1, 2, 3, 4, 5],
    });
    expect(tensors.get('0/k_proj')?.width).toBe(4);
    expect(run.metadata.tokens).toEqual([7, 8]);
    expect(run.notes).toEqual(
      expect.arrayContaining([
        'names: the mapping file (5)',
        'left out by the mapping file: 1',
        'of the mapping file, not.there is in no name',
        'layers were counted from 1',
        'left out, since another tensor is the same stage: 1 tensor (model.layers.*.self_attn.q_proj)',
      ]),
    );
  });

  test('has what comes again in a row: the K of each head, beside its Q and V', async () => {
    const tensors = [{ name: 'dec.{layer}.qkv', stage: 'k_proj', columns: [1, 2], every: 3 }];
    const found = (await load(file(), { map: map({ ...mapping, tensors }) })).tensors.get('0/k_proj');
    expect([found?.width, ...(found?.values ?? [])]).toEqual([2, 1, 4, 7, 10]);
  });

  const one = { name: 'dec.{layer}.qkv', stage: 'q_proj' };
  test.each<[string, object | string, RegExp]>([
    ['not JSON', '{"tensors": oh}', /is not JSON/],
    ['a name that is not known', { tensor: [] }, /tensor/],
    ['an entry without a stage', { tensors: [{ name: 'a' }] }, /tensors\.0\.stage: .*expected string/],
    ['columns that are none', { tensors: [{ ...one, columns: [4] }] }, /tensors\.0\.columns: .*>=2 items/],
    ['a word that is mistyped', { tensors: [{ ...one, colums: [4, 5] }] }, /tensors\.0: .*"colums"/],
    [
      'columns outside of the rows',
      { tensors: [{ ...one, columns: [4, 7] }] },
      /the columns 4 to 7 of dec\.1\.qkv are wanted, and it has 6/,
    ],
    [
      'columns that come again where no row ends',
      { tensors: [{ ...one, columns: [0, 1], every: 4 }] },
      /the columns 0 to 1 in every 4 of dec\.1\.qkv are wanted, and it has 6\. Give an "every" that divides 6/,
    ],
    [
      'columns that lie in two pieces',
      { tensors: [{ ...one, columns: [2, 4], every: 3 }] },
      /Give \[from, to\] within the first 3 of them/,
    ],
    ['pieces of no columns', { tensors: [{ ...one, every: 3 }] }, /tensors\.0: .*give both/],
    ['no columns', { tensors: [{ ...one, columns: [4, 4] }] }, /the columns 4 to 4/],
    [
      'a sum of two shapes',
      { tensors: [{ sum: ['dec.{layer}.attn', 'dec.{layer}.mask'], stage: 'x' }] },
      /attn \[1, 2, 3\] is to be added to dec\.1\.mask \[2, 2\]/,
    ],
    [
      'a sum of one',
      { tensors: [{ sum: ['dec.{layer}.attn', 'gone.{layer}'], stage: 'x' }] },
      /gone\.\{layer\}, which is not there/,
    ],
    ['layers from 2', { layersFrom: 2 }, /layersFrom/],
  ])('%s is refused in a sentence', async (_, mapping, message) => {
    const error = await failure(file(), { map: map(mapping) });
    expect(error.message).toMatch(message);
    expect(error.code).toBe('dump-map');
  });

  test('that is not there is refused', async () => {
    expect(await failure(file(), { map: '/no/such.json' })).toMatchObject({ code: 'dump-not-found' });
  });
});

test.each<[string, string, number | null | undefined]>([
  ['a.{layer}.q', 'a.12.q', 12],
  ['a.{layer}.q', 'a.x.q', undefined],
  ['a.{layer}.q', 'aX12Xq', undefined],
  ['a.{layer}.b{layer}', 'a.3.b3', 3],
  ['a.{layer}.b{layer}', 'a.3.b4', undefined],
  ['*.{layer}.q', 'any.thing.7.q', 7],
  ['(a|b)', '(a|b)', null],
  ['(a|b)', 'a', undefined],
])('%s and %s', (pattern, name, layer) => {
  const found = matcher(pattern)(name);
  expect(found ? (found.layer ?? null) : undefined).toBe(layer);
});
