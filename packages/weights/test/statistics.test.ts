import { describe, expect, test } from 'vitest';
import { BitsCount } from '../src/bits.js';
import { loadedAhead, piecesOf } from '../src/pieces.js';
import { StatisticsSums } from '../src/statistics.js';

const statistics = (columns: number, block: number, ...pieces: number[][]) => {
  const sums = new StatisticsSums(columns, block);
  let row = 0;
  for (const piece of pieces) {
    sums.add(Float32Array.from(piece), row);
    row += piece.length / columns;
  }
  return sums.result();
};

describe('statistics', () => {
  test('are of the finite values, over all pieces', () => {
    expect(statistics(2, 1, [1, -3], [Number.NaN, 0, Number.NEGATIVE_INFINITY, 4])).toEqual({
      ...{ min: -3, max: 4, mean: 0.5, rms: Math.sqrt(26 / 4) },
      ...{ zeros: 1, nan: 1, inf: 1, firstBad: { row: 1, column: 0 } },
      ...{ deadRows: 0, firstDead: null, loud: null },
    });
  });

  test('know dead rows, and where the first is', () => {
    expect(statistics(2, 1, [1, 0, 0, 0], [-0, 0, 0, 1])).toMatchObject({ deadRows: 2, firstDead: 1 });
  });

  test('of nothing that is finite have no range', () => {
    expect(statistics(1, 1, [Number.NaN])).toMatchObject({ min: Number.NaN, max: Number.NaN, rms: 0 });
  });

  test('tell a block that is far larger than all others, and only of types with blocks', () => {
    const values = [...Array(64).fill(1), ...Array(32).fill(101), ...Array(32).fill(1)];
    expect(statistics(64, 32, values).loud).toEqual({ row: 1, column: 0, times: 101 });
    expect(statistics(64, 1, values).loud).toBeNull();
    expect(
      statistics(
        64,
        32,
        values.map((value) => Math.min(value, 99)),
      ).loud,
    ).toBeNull();
  });
});

describe('bits', () => {
  const bits = (engine: number[], ggml: number[]) => {
    const count = new BitsCount(2);
    count.add(Float32Array.from(engine), Float32Array.from(ggml), 10);
    return count.result();
  };

  test('NaN equals NaN, and nothing else', () => {
    expect(bits([Number.NaN, 1], [-Number.NaN, 1])).toMatchObject({ differing: 0, first: null });
    expect(bits([0, Number.NaN], [0, 1])).toMatchObject({ differing: 1, first: { row: 10, column: 1, ggml: 1 } });
  });

  test('a zero’s sign and a subnormal that became zero are counted apart', () => {
    expect(bits([0, -0, 0, 1e-40], [-0, 1e-40, 2e-38, 0])).toMatchObject({ zeroSigns: 1, flushed: 1, differing: 2 });
  });
});

describe('pieces', () => {
  test('are whole rows, as many as fit, and all of them', () => {
    expect(piecesOf(5, 2 ** 19)).toEqual([
      { firstRow: 0, rows: 2 },
      { firstRow: 2, rows: 2 },
      { firstRow: 4, rows: 1 },
    ]);
    expect(piecesOf(2, 2 ** 30)).toHaveLength(2);
    expect(piecesOf(3, 1, 2)).toHaveLength(2);
  });

  test('are loaded one ahead, in order', async () => {
    const told: string[] = [];
    const load = async (piece: number) => {
      told.push(`load ${piece}`);
      return piece * 10;
    };
    for await (const [piece, value] of loadedAhead([1, 2, 3], load)) told.push(`${piece} is ${value}`);
    expect(told).toEqual(['load 1', 'load 2', '1 is 10', 'load 3', '2 is 20', '3 is 30']);
  });
});
