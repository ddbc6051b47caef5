import { describe, expect, test } from 'vitest';
import { GivenRows } from '../src/given-rows.js';
import type { Tensor } from '../src/tensor.js';

const rows = (stage: string, layer: number | null, first = 0, count = 3, width = 2): Tensor => ({
  step: 0,
  order: 0,
  layer,
  stage,
  positions: Int32Array.from({ length: count }, (_, row) => first + row),
  width,
  values: new Float32Array(count * width),
});
const at = (stage: string, layer: number | null) => ({ stage, layer });

/** Reads a stream as far as a place needs. @returns its rows, and how many tensors were read for it */
function reader(stream: readonly Tensor[], given: GivenRows) {
  const rest = [...stream];
  return (stage: string, layer: number | null) => {
    const before = rest.length;
    while (!given.has(at(stage, layer)) && !given.isPast(at(stage, layer))) given.put(rest.shift());
    return [given.take(at(stage, layer), 2), before - rest.length] as const;
  };
}

describe('given rows', () => {
  const stream = [
    rows('embd', null),
    ...['q_proj', 'k_proj', 'q_rope', 'l_out'].map((stage) => rows(stage, 0)),
    ...['q_proj', 'l_out'].map((stage) => rows(stage, 1)),
    rows('result_norm', null),
    rows('result_output', null, 2, 1),
    rows('embd', null, 3, 1),
  ];

  test('are found in another order within a layer, and read no further than needed', () => {
    const given = new GivenRows();
    const read = reader(stream, given);
    given.begin(0, 3);
    expect(read('embd', null)).toEqual([stream[0], 1]);
    expect(read('q_rope', 0)).toEqual([stream[3], 3]);
    expect(read('k_proj', 0)).toEqual([stream[2], 0]);
    expect(read('q_proj', 0)).toEqual([stream[1], 0]);
  });

  test('that are lacking are known once the stream is in a later layer, pass, or at its end', () => {
    const given = new GivenRows();
    const read = reader(stream, given);
    given.begin(0, 3);
    expect(read('inp_scaled', null)).toEqual([undefined, 2]);
    expect(read('kq', 0)).toEqual([undefined, 4]);
    expect(read('kq', 1)).toEqual([undefined, 2]); // result_norm comes after the layers
    expect(read('result_norm', null)).toEqual([stream[7], 0]);
    expect(read('result_output', null)).toEqual([stream[8], 1]); // the last position only
    expect(read('result_softcap', null)).toEqual([undefined, 1]); // the next pass has begun
    given.begin(3, 1);
    expect(read('embd', null)).toEqual([stream[9], 0]);
    expect(read('l_out', 0)).toEqual([undefined, 0]);
    given.end();
    expect([...given.unused].sort()).toEqual(['embd', 'k_proj', 'l_out', 'q_proj', 'q_rope']);
  });

  test('of stages without a layer between the layers are where they come', () => {
    const order = [at('norm', null), at('l_out', 0), at('norm.2', null), at('l_out', 1), at('result_softcap', null)];
    for (const lacking of [undefined, 'norm', 'norm.2', 'result_softcap']) {
      const stream = order.filter(({ stage }) => stage !== lacking).map(({ stage, layer }) => rows(stage, layer));
      const given = new GivenRows();
      const read = reader(stream, given);
      given.begin(0, 3);
      expect(order.filter(({ stage, layer }) => !read(stage, layer)[0]).map(({ stage }) => stage)).toEqual(
        lacking ? [lacking] : [],
      );
    }
  });

  test('of three stages only bracket what is between them', () => {
    const given = new GivenRows();
    const read = reader([rows('embd', null), rows('l_out', 1), rows('result_output', null)], given);
    given.begin(0, 3);
    const found = [
      at('embd', null),
      at('q_proj', 0),
      at('l_out', 0),
      at('q_proj', 1),
      at('l_out', 1),
      at('result_norm', null),
      at('result_output', null),
    ].filter(({ stage, layer }) => read(stage, layer)[0]);
    expect(found).toEqual([at('embd', null), at('l_out', 1), at('result_output', null)]);
  });

  test('wait for no more than a layer', () => {
    const given = new GivenRows();
    const many = Array.from({ length: 50 }, (_, layer) => [rows('mine', layer), rows('l_out', layer)]).flat();
    const read = reader(many, given);
    given.begin(0, 3);
    let most = 0;
    for (let layer = 0; layer < 50; layer++) {
      expect(read('l_out', layer)[0]).toBeDefined();
      most = Math.max(most, (given as unknown as { waiting: Map<string, unknown> }).waiting.size);
    }
    expect(most).toBeLessThanOrEqual(2);
    expect([...given.unused]).toEqual(['mine']);
  });

  test('of other positions or another width are refused', () => {
    const given = new GivenRows();
    given.begin(0, 3);
    expect(() => given.put(rows('l_out', 1, 0, 2))).toThrow(
      /l_out of layer 1: the given rows are of the positions 0 to 1, and this run evaluates 0 to 2 at once. Run with/,
    );
    given.put(rows('embd', null, 0, 3, 5));
    expect(() => given.take(at('embd', null), 2)).toThrow(/embd: the given rows have 5 values each.*own have 2/);
    // those of a later pass are looked at when it begins
    given.put(rows('embd', null, 3, 4));
    expect(() => given.begin(3, 1)).toThrow(/positions 3 to 6, and this run evaluates 3 to 3 at once/);
  });
});
