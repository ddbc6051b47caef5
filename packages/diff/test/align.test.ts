import type { Tensor } from '@llama-probe/dump';
import { stream } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { align } from '../src/index.js';
import { tensor } from './support/tensors.js';

const name = (one: Tensor | undefined) => one && `${one.step}/${one.layer ?? '-'}/${one.stage}@${one.positions[0]}`;

async function pairs(candidate: Tensor[], reference: Tensor[]) {
  const found: (string | undefined)[][] = [];
  for await (const pair of align(stream(candidate), stream(reference))) {
    found.push([name(pair.candidate), name(pair.reference)]);
  }
  return found;
}

const A = tensor('embd', [1, 2], { layer: null });
const B = tensor('q_proj', [1, 2], { layer: 0 });
const C = tensor('q_proj', [1, 2], { layer: 1 });
const D = tensor('q_proj', [1, 2], { layer: 1, step: 1, first: 1 });

describe('alignment', () => {
  test('is by step, layer, stage and tokens', async () => {
    const found = await pairs([A, B, C, D], [A, B, C, D]);
    expect(found).toEqual([A, B, C, D].map((one) => [name(one), name(one)]));
  });

  test('in any order', async () => {
    for (const other of [
      [D, C, B, A],
      [B, A, D, C],
      [C, D, A, B],
    ]) {
      const found = await pairs([A, B, C, D], other);
      expect(found).toHaveLength(4);
      for (const [ours, theirs] of found) expect(ours).toBe(theirs);
    }
  });

  test('rows are paired however they are cut and ordered', async () => {
    const whole = tensor('l_out', [1, 2, 3], { width: 1, positions: Int32Array.of(0, 1, 2) });
    const shuffled = tensor('l_out', [1, 3, 2], { width: 1, positions: Int32Array.of(0, 2, 1) });
    const found: number[][] = [];
    for await (const { candidate, reference } of align(stream([shuffled]), stream([whole]))) {
      found.push([candidate?.values[0] as number, reference?.values[0] as number]);
    }
    expect(found).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    const other = { ...whole, positions: Int32Array.of(0, 7, 8) };
    expect(await pairs([other], [whole])).toContainEqual([undefined, '0/0/l_out@1']);
  });

  test('a row that comes twice pairs once', async () => {
    const twice = tensor('l_out', [9, 1], { width: 1, positions: Int32Array.of(0, 0) });
    const once = tensor('l_out', [1], { width: 1, positions: Int32Array.of(0) });
    expect(await pairs([twice], [once])).toEqual([
      ['0/0/l_out@0', undefined],
      ['0/0/l_out@0', '0/0/l_out@0'],
    ]);
  });

  test('what is missing on one side comes alone', async () => {
    expect(await pairs([A, C], [A, B, C])).toContainEqual([undefined, name(B)]);
    expect(await pairs([A, B, C], [A, C])).toContainEqual([name(B), undefined]);
    expect(await pairs([], [A])).toEqual([[undefined, name(A)]]);
    expect(await pairs([A], [])).toEqual([[name(A), undefined]]);
    expect(await pairs([], [])).toEqual([]);
  });

  test('the same tensor twice never pairs twice', async () => {
    for (const [candidate, reference] of [
      [
        [A, A, B],
        [A, B],
      ],
      [
        [A, B],
        [A, A, B],
      ],
      [
        [A, B, A],
        [A, B],
      ],
    ] as const) {
      const found = await pairs([...candidate], [...reference]);
      const both = found.filter(([ours, theirs]) => ours && theirs);
      expect(both).toHaveLength(2);
      expect(found).toHaveLength(3);
    }
  });

  test('a stage may come in pieces of its tokens', async () => {
    const first = tensor('q_proj', [1, 2, 3, 4], { width: 2 });
    const second = tensor('q_proj', [5, 6], { width: 2, first: 2 });
    const found = await pairs([first, second], [second, first]);
    expect(found).toHaveLength(2);
    for (const [ours, theirs] of found) expect(ours).toBe(theirs);
  });

  test('both sides are read in step, so that neither has to be kept', async () => {
    let ahead = 0;
    let most = 0;
    const counted = async function* (by: number) {
      for (let layer = 0; layer < 50; layer++) {
        ahead += by;
        most = Math.max(most, Math.abs(ahead));
        yield tensor('l_out', [1], { layer });
      }
    };
    for await (const _ of align(counted(1), counted(-1)));
    expect(most).toBe(1);
  });

  test('both sides are ended when one of them fails, or nobody reads on', async () => {
    const ended: string[] = [];
    const side = async function* (name: string, failsAt: number) {
      try {
        for (let layer = 0; layer < 9; layer++) {
          if (layer === failsAt) throw new Error(`${name} failed`);
          yield tensor('l_out', [1], { layer });
        }
      } finally {
        ended.push(name);
      }
    };
    const read = async () => {
      for await (const _ of align(side('a', 3), side('b', 99)));
    };
    await expect(read()).rejects.toThrow('a failed');
    expect(ended.sort()).toEqual(['a', 'b']);
    ended.length = 0;
    for await (const _ of align(side('a', 99), side('b', 99))) break;
    expect(ended.sort()).toEqual(['a', 'b']);
  });
});
