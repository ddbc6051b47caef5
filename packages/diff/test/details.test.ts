import type { Tensor } from '@llama-probe/dump';
import { stream } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { compare, Details } from '../src/index.js';
import { tensor } from './support/tensors.js';

const NAN = Number.NaN;

async function look(candidate: Tensor[], reference: Tensor[], details: Details, heads = 2): Promise<void> {
  await compare(stream(candidate), stream(reference), {
    rule: { margin: 10, minimum: 1e-3 },
    tokens: { candidate: [1, 2], reference: [1, 2] },
    heads,
    headsKv: heads,
    onStage: (stage, rows) => details.add(stage, rows),
  });
}

test('each row and each head has its own delta', async () => {
  const details = new Details({ heads: 2 });
  await look(
    [tensor('q_proj', [3, 4, 1, 1, 5, 12, 8, 6], { width: 4 })],
    [tensor('q_proj', [3, 4, 1, 0, 5, 12, 8, 7], { width: 4 })],
    details,
  );
  const detail = details.detail('0/0/q_proj');
  expect(detail).toMatchObject({ tokens: [0, 1], heads: 2 });
  expect(detail?.headRows).toEqual([0, 1, 0, 1 / Math.hypot(8, 7)]);
  expect(detail?.rows[0]).toBeCloseTo(1 / Math.sqrt(26), 12);
});

test('the histogram counts powers of two, and the worst come first', async () => {
  const details = new Details();
  await look(
    [tensor('l_out', [1, 2.25, 3.5, 8, NAN, 6], { width: 6 })],
    [tensor('l_out', [1, 2, 3, 4, 5, 5.75], { width: 6 })],
    details,
  );
  const detail = details.detail('0/0/l_out');
  // Deltas of 0, 1/4, 1/2, 4, NaN and 1/4.
  expect(detail?.histogram).toEqual({ zeros: 1, nonFinite: 1, exponent: -2, counts: [2, 1, 0, 0, 1] });
  expect(detail?.worst.map(({ index }) => index)).toEqual([4, 3, 2, 1, 5]);
  expect(detail?.worst[1]).toEqual({ token: 0, index: 3, candidate: 8, reference: 4 });
  expect(detail?.rows).toEqual([NAN]);
});

test('what a mask hides is no delta', async () => {
  const details = new Details({ heads: 1 });
  const kq = (hidden: number) => [tensor('kq', [1, hidden, 3, 4], { width: 2 })];
  await look(kq(99), kq(NAN), details, 1);
  expect(details.detail('0/0/kq')).toMatchObject({
    rows: [0, 0],
    histogram: { zeros: 4, nonFinite: 0, counts: [] },
    worst: [],
  });
});

test('pieces of a stage are one', async () => {
  const piece = (token: number, value: number) =>
    tensor('l_out', [value, 1], { width: 2, positions: Int32Array.of(token) });
  const details = new Details();
  await look([piece(0, 1), piece(1, 2)], [piece(0, 1), piece(1, 1)], details);
  expect(details.detail('0/0/l_out')?.tokens).toEqual([0, 1]);
  expect(details.values('0/0/l_out')?.rows.map(({ token, candidate }) => [token, ...candidate])).toEqual([
    [0, 1, 1],
    [1, 2, 1],
  ]);
});

test('within a budget, what is wrong pushes out what agrees; nothing is kept by halves', async () => {
  const one = (stage: string, value: number, tokens = [0]) =>
    tensor(
      stage,
      tokens.flatMap(() => [value, 1]),
      { width: 2, positions: Int32Array.from(tokens) },
    );
  const bytes = 16; // of a row on both sides
  const details = new Details({ budget: 2 * bytes });
  await look(
    [one('attn_rms', 1), one('attn_norm', 1), one('l_out', 5), one('ffn_out', 1), one('ffn_up', 1, [0, 1, 2])],
    [one('attn_rms', 1), one('attn_norm', 1), one('l_out', 1), one('ffn_out', 1), one('ffn_up', 1, [0, 1, 2])],
    details,
  );
  const kept = ['attn_rms', 'attn_norm', 'l_out', 'ffn_out', 'ffn_up'].filter((stage) =>
    details.values(`0/0/${stage}`),
  );
  expect(kept).toEqual(['attn_norm', 'l_out']);
  expect(details.detail('0/0/ffn_up')?.rows).toEqual([0, 0, 0]);
});
