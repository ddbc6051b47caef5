import type { Tensor } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { type Ask, heldToItself, type OneWay } from '../src/itself/itself.js';
import { batches, parseChunks, steps } from '../src/itself/parse-chunks.js';
import { inBatches } from '../src/itself/words.js';
import { offsetsIn } from '../src/tokenize/offsets.js';

const WIDTH = 8;
const TOKENS = [1, 5, 9, 2, 7, 4];
const STAGES = ['q_proj', 'k_proj', 'ffn_moe_topk', 'l_out'];

type Change = (value: number, at: { stage: string; layer: number; position: number; i: number }) => number;

/** Two layers of whole numbers, changed. */
function* tensors(begins: readonly number[], change: Change = (value) => value, stages = STAGES): Generator<Tensor> {
  for (const [n, begin] of begins.entries()) {
    const end = begins[n + 1] ?? TOKENS.length;
    const positions = Int32Array.from({ length: end - begin }, (_, row) => begin + row);
    for (const layer of [0, 1])
      for (const stage of stages) {
        const order = layer * STAGES.length + STAGES.indexOf(stage);
        const values = Float32Array.from({ length: positions.length * WIDTH }, (_, at) => {
          const [position, i] = [begin + Math.floor(at / WIDTH), at % WIDTH];
          return change(1 + position + i + 10 * order, { stage, layer, position, i });
        });
        yield { step: 0, order, layer, stage, positions, width: WIDTH, values };
      }
  }
}

const ask: Ask = {
  about: { name: 'mine', version: '1' },
  tokens: TOKENS,
  heads: 1,
  ruleOf: () => ({ precision: 'f32', rule: { margin: 10, minimum: 1e-5 } }),
};

/** A prefill, and chunks of 2 that are changed. */
function said(
  change?: Change,
  stages?: readonly string[],
  cut: readonly number[] | undefined = batches(2, TOKENS.length),
) {
  async function* of(values: Iterable<Tensor>) {
    yield* values;
  }
  async function* runs(): AsyncGenerator<OneWay> {
    yield { way: { name: 'prefill', batches: '', begins: [0] }, tensors: of(tensors([0])) };
    const way = { name: 'chunks:2', batches: '', begins: cut };
    yield { way, tensors: of(tensors(cut ?? [0, 2, 4], change, stages && [...stages])) };
  }
  return heldToItself(runs(), ask);
}

/** A relative change of rows of a stage. */
const by =
  (share: number, isAt: (at: Parameters<Change>[1]) => boolean): Change =>
  (value, at) =>
    isAt(at) ? value * (1 + share) : value;

describe('rows of an engine held to itself', () => {
  test('that are the same agree, to the bit', async () => {
    const { verdict, reason, ways } = await said();
    expect([verdict, ways[0]?.isBitwise, ways[0]?.rows]).toEqual(['agree', true, 2 * 4 * 6]);
    expect(reason).toBe('All 6 tokens are the same in prefill and in chunks:2. They are the same to the bit.');
  });

  test('the first is by token, and then by evaluation, whatever else is wrong', async () => {
    const wrong = by(0.5, ({ stage, layer, position }) =>
      position === 3 ? stage === 'l_out' && layer === 1 : position > 3,
    );
    const { ways } = await said(wrong);
    expect(ways[0]?.first).toMatchObject({
      position: 3,
      layer: 1,
      stage: 'l_out',
      after: { layer: 1, stage: 'ffn_moe_topk' },
    });
    expect(ways[0]?.differing.map(({ position, stages }) => [position, stages])).toEqual([
      [3, 1],
      [4, 8],
      [5, 8],
    ]);
  });

  test('rounding is measured in the first batch: what is within ten times of it is none', async () => {
    const inFirst = (share: number) => by(share, ({ stage }) => stage === 'l_out');
    const both: Change = (value, at) => (at.position < 2 ? inFirst(1e-5)(value, at) : inFirst(8e-5)(value, at));
    expect((await said(both)).verdict).toBe('agree');
    const later = by(8e-5, ({ stage, position }) => stage === 'l_out' && position >= 2);
    expect(await said(later)).toMatchObject({ verdict: 'diverged', ways: [{ first: { position: 2, floor: 0 } }] });
  });

  test('what a first batch has too much of is no rounding, and no cache', async () => {
    const { verdict, reason } = await said(by(0.01, ({ stage }) => stage === 'k_proj'));
    expect(verdict).toBe('diverged');
    expect(reason).toContain('This token is in the first batch, with nothing in the cache');
  });

  test('NaN in one of the two is a difference, in both it is none', async () => {
    const nan: Change = (value, { position, i }) => (position === 4 && i === 1 ? Number.NaN : value);
    expect(await said(nan)).toMatchObject({ verdict: 'diverged', ways: [{ first: { position: 4, delta: null } }] });
  });

  test('experts that are chosen at a tie are told, and nothing after that token is judged', async () => {
    const tie = by(
      1,
      ({ stage, layer, position }) => position > 3 || (position === 3 && layer === 1 && /topk|l_out/.test(stage)),
    );
    const { verdict, ways } = await said(tie);
    expect([verdict, ways[0]?.rows]).toEqual(['agree', 2 * 4 * 3]);
    expect(ways[0]?.notes[0]).toContain('Token 3 went to other experts in layer 1');
  });

  test('no stage in common is no agreement', async () => {
    const { verdict, reason } = await said(undefined, []);
    expect([verdict, reason]).toEqual(['incomparable', 'chunks:2: Not compared: q_proj, k_proj, ffn_moe_topk, l_out.']);
  });

  test('batches of a run that is over are told from its pieces', async () => {
    async function* runs(): AsyncGenerator<OneWay> {
      for (const begins of [[0], [0, 3, 4, 5]]) {
        async function* read() {
          yield* tensors(begins);
        }
        yield { way: { name: 'a', batches: 'as it is', begins: undefined }, tensors: read() };
      }
    }
    const { base, ways } = await heldToItself(runs(), ask);
    expect([base.batches, ways[0]?.batches]).toEqual(['as it is', '3 at once, then one by one']);
  });
});

test('where batches begin', () => {
  expect([batches(3, 7), steps(3, 5)]).toEqual([
    [0, 3, 6],
    [0, 3, 4],
  ]);
  expect([inBatches([0], 4), inBatches([0, 3, 6], 7), inBatches([0, 1, 2], 3), inBatches([0, 1, 4], 5)]).toEqual([
    'all 4 at once',
    '3 at a time',
    'one by one',
    '1, 3, 1 at a time',
  ]);
  expect(parseChunks('3, 8,3')).toEqual([3, 8]);
});

test.each<[string, string, readonly string[], readonly (readonly number[] | undefined)[]]>([
  [
    'a space that is put in front',
    'hi a',
    [' hi', ' a'],
    [
      [0, 2],
      [2, 4],
    ],
  ],
  ['a space that is there', ' hi', [' hi'], [[0, 3]]],
  [
    'a piece that is only that space',
    '\n \n',
    [' ', '\n', ' ', '\n'],
    [
      [0, 0],
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  ],
  [
    'spaces that a special token takes',
    'a  <s> b',
    ['a', '<s>', 'b'],
    [
      [0, 1],
      [3, 6],
      [7, 8],
    ],
  ],
  ['another text from some point on', 'aBc', ['a', 'b', 'c'], [[0, 1], undefined, undefined]],
])('where pieces stand: %s', (_, text, pieces, places) => {
  const tokens = pieces.map((piece) => ({ bytes: new TextEncoder().encode(piece), isAdded: false }));
  const found = offsetsIn(text, tokens).map((place) => place && [place.from, place.to]);
  expect(found).toEqual(places);
});
