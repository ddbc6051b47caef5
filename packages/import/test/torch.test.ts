import { describe, expect, test } from 'vitest';
import { readPickle } from '../src/formats/pickle.js';
import { failure, fileOf, fixture, load } from './support/files.js';
import { dictOf, op, pickle, type TensorLike, tensor } from './support/pickle.js';
import { zip } from './support/zip.js';

const STORAGE = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);
const saved = (value: Buffer, storage: Uint8Array = STORAGE, more: [string, Uint8Array][] = []) =>
  fileOf(
    zip([
      ['mine/data.pkl', pickle(value)],
      ['mine/byteorder', Buffer.from('little')],
      ['mine/data/0', storage],
      ...more,
    ]),
  );
const plain: TensorLike = { count: 6, shape: [2, 3], strides: [3, 1] };
const values = async (one: TensorLike, storage?: Uint8Array) => {
  const { tensors } = await load(saved(dictOf({ 'l_out-0': tensor(one) }), storage), { tokens: [1, 2] });
  return [...(tensors.get('0/l_out')?.values ?? [])];
};

describe('what torch.save writes', () => {
  test('has what the same run as safetensors has', async () => {
    const tokens = [1, 468, 300, 27, 5, 900, 12];
    const [ours, theirs] = await Promise.all(
      ['mine.pt', 'mine.safetensors'].map((name) => load(fixture(name), { tokens })),
    );
    expect(ours?.tensors.size).toBe(5);
    expect(ours?.tensors).toEqual(theirs?.tensors);
    expect(ours?.run.notes[0]).toBe('format: PyTorch');
  });

  test('a view has its offset and its strides', async () => {
    expect(await values(plain)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await values({ ...plain, strides: [1, 2] })).toEqual([0, 2, 4, 1, 3, 5]);
    expect(await values({ ...plain, offset: 1, shape: [2, 2] })).toEqual([1, 2, 4, 5]);
    expect(await values({ ...plain, offset: 5, shape: [2, 3], strides: [0, 0] })).toEqual([5, 5, 5, 5, 5, 5]);
  });

  test.each<[string, Uint8Array, number[]]>([
    ['DoubleStorage', new Uint8Array(Float64Array.of(1.5, -2).buffer), [1.5, -2]],
    ['HalfStorage', new Uint8Array(Uint16Array.of(0x3e00, 0xc000).buffer), [1.5, -2]],
    ['BFloat16Storage', new Uint8Array(Uint16Array.of(0x3fc0, 0xc000).buffer), [1.5, -2]],
    ['LongStorage', new Uint8Array(BigInt64Array.of(3n, -4n).buffer), [3, -4]],
  ])('%s', async (type, storage, wanted) => {
    expect(await values({ type, count: 2, shape: [2, 1], strides: [1, 1] }, storage)).toEqual(wanted);
  });

  test('dicts in dicts, token ids in a list, and what is no tensor', async () => {
    const layer = dictOf({ self_attn: dictOf({ q_proj: tensor(plain) }) });
    const list = Buffer.concat([op.list, ...[5, 6].flatMap((id) => [op.int(id), op.append])]);
    const { tensors, run } = await load(
      saved(dictOf({ 'model.layers.0': layer, input_ids: list, note: op.text('mine') })),
    );
    expect([...tensors.keys()]).toEqual(['0/q_proj']);
    expect(run.metadata.tokens).toEqual([5, 6]);
    expect(run.notes).toContain('left out, since they are no tensors: note');
  });

  const evil = Buffer.concat([op.global('os', 'system'), op.mark, op.text('true'), op.tuple, op.call]);
  const CASES: readonly [string, () => string, string, RegExp][] = [
    ['a call of anything else', () => saved(dictOf({ a: evil })), 'dump-unsupported', /a is made by os\.system/],
    [
      'a call of what was made',
      () => saved(Buffer.concat([tensor(plain), op.mark, op.tuple, op.call])),
      'dump-unsupported',
      /calls what is no name/,
    ],
    ['an instance', () => saved(Buffer.from('(ios\nsystem\n')), 'dump-unsupported', /the operation INST/],
    ['an unknown operation', () => saved(Buffer.from([0xff])), 'dump-unsupported', /the operation/],
    [
      'an end too early',
      () => fileOf(zip([['mine/data.pkl', Buffer.from([0x80, 2, 0x58, 0xff, 0xff, 0xff, 0x7f])]])),
      'dump-unsupported',
      /ends too early/,
    ],
    ['nothing on the stack', () => saved(Buffer.from('u')), 'dump-unsupported', /takes more than it has/],
    [
      'a dict in itself',
      () => saved(Buffer.from([0x7d, 0x71, 0, 0x68, 0, 0x68, 0, 0x73])),
      'dump-unsupported',
      /too deep|circle/,
    ],
    [
      'another storage',
      () => saved(dictOf({ a: tensor({ ...plain, type: 'QInt8Storage' }) })),
      'dump-unsupported',
      /torch\.QInt8Storage/,
    ],
    [
      'a storage that is not there',
      () => saved(dictOf({ a: tensor({ ...plain, key: '7' }) })),
      'dump-damaged',
      /mine\/data\/7, which it does not have/,
    ],
    [
      'a storage elsewhere',
      () => saved(dictOf({ a: tensor({ ...plain, key: '../../etc/passwd' }) })),
      'dump-damaged',
      /which it does not have/,
    ],
    [
      'a storage of another size',
      () => saved(dictOf({ a: tensor({ ...plain, count: 7 }) })),
      'dump-damaged',
      /has 24 bytes/,
    ],
    [
      'a view beyond its storage',
      () => saved(dictOf({ a: tensor({ ...plain, offset: 1 }) })),
      'dump-damaged',
      /reaches to value 7/,
    ],
    [
      'strides below zero',
      () => saved(dictOf({ a: tensor({ ...plain, strides: [-3, 1] }) })),
      'dump-damaged',
      /no shape and strides/,
    ],
    [
      'values repeated to a terabyte',
      () => saved(dictOf({ a: tensor({ ...plain, shape: [2 ** 30, 256], strides: [0, 0] }) })),
      'dump-shape',
      /repeats 6 values/,
    ],
    [
      'a big-endian file',
      () =>
        fileOf(
          zip([
            ['m/data.pkl', pickle(tensor(plain))],
            ['m/byteorder', Buffer.from('big')],
          ]),
        ),
      'dump-unsupported',
      /big-endian/,
    ],
    ['a pickle without a zip', () => fileOf(pickle(tensor(plain))), 'dump-unsupported', /bare pickle/],
    ['no tensors', () => saved(op.dict), 'dump-shape', /no tensors/],
  ];
  test.each(CASES)('%s is refused in a sentence', async (_, make, code, message) => {
    const file = make();
    const error = await failure(file, { tokens: [1, 2] });
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(error.message).toContain(file);
  });
});

test('what a pickle names is not looked up', () => {
  const value = readPickle(pickle(Buffer.concat([op.global('process', 'exit'), op.mark, op.tuple, op.call])));
  expect(value).toMatchObject({ of: { name: 'process.exit' }, args: [] });
});
