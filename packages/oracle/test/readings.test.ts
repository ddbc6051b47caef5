import { describe, expect, test } from 'vitest';
import { BLOCKS, dequantizeRow, type QuantizedType } from '../src/blocks.js';
import { knownReadings } from '../src/readings.js';

const COLUMNS = 512;
const weightOf = (type: QuantizedType) => {
  const { elements, bytes } = BLOCKS[type];
  const data = Uint8Array.from({ length: ((2 * COLUMNS) / elements) * bytes }, (_, i) => (i * 37 + 11) % 61);
  return { type, rows: 2, columns: COLUMNS, bytes: data };
};

describe('known misreadings of a tensor', () => {
  test.each<[QuantizedType, readonly string[]]>([
    ['F16', ['weight-type', 'weight-transposed']],
    ['Q8_0', ['quant-excess', 'block-scale-type', 'weight-type', 'weight-transposed', 'weight-block-order']],
    ['Q4_K', ['nibble-order', 'k-quant-scales', 'block-minimum', 'block-scale-type', 'weight-type']],
    ['Q6_K', ['nibble-order', 'quant-high-bits', 'quant-excess', 'k-quant-scales']],
  ])('of %s', (type, ids) => {
    const found = new Set(knownReadings(weightOf(type)).map(({ bug }) => bug.id));
    for (const id of ids) expect(found).toContain(id);
    expect(found.has('weight-exchanged')).toBe(false); // no reading: another tensor
  });

  test('read what the catalogue’s variation reads', () => {
    const weight = weightOf('Q4_0');
    const swapped = knownReadings(weight).find(({ parameters }) => parameters.nibbles === 'swapped');
    const wanted = dequantizeRow('Q4_0', weight.bytes, 2 * COLUMNS, { nibbles: 'swapped' });
    const got = Array.from(wanted, (_, i) => swapped?.at(Math.floor(i / COLUMNS), i % COLUMNS));
    expect(got).toEqual([...wanted]);
    expect(got).not.toEqual([...dequantizeRow('Q4_0', weight.bytes, 2 * COLUMNS)]);
  });
});
