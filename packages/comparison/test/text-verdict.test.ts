import { describe, expect, test } from 'vitest';
import { FloorMeter } from '../src/text/floor.js';
import { klRule, limitsOf } from '../src/text/limits.js';
import { Measuring, scoresOf } from '../src/text/measure.js';
import { onsetOf } from '../src/text/onset.js';
import { verdictOf } from '../src/text/report.js';
import { spelt } from '../src/text/report-on.js';
import { rowsOfLogits } from '../src/text/score.js';
import { TimeLeft } from '../src/text/time-left.js';
import { type Window, whole } from '../src/text/windows.js';

const source = { kind: 'prompts', file: 'p.txt', window: null, stride: null, tokens: 6, leftOut: 0 } as const;
const right: Float32Array = Float32Array.of(2, 1, 0);
const rows = <Row>(row: Row, count = 3): Map<number, Row> => new Map(Array.from({ length: count }, (_, i) => [i, row]));
const windows = whole([
  [1, 2, 0],
  [0, 1, 2],
]);

/** The verdict on two prompts, whose second has these logits at position 1. */
function judged(odd: Float32Array | undefined, reference = right) {
  const measuring = new Measuring(windows, undefined);
  const [one, two] = windows as [Window, Window];
  measuring.add(one, scoresOf(one, rowsOfLogits(rows(right)), rows(right)));
  const second = rows(right);
  if (odd) second.set(1, odd);
  else second.delete(1);
  measuring.add(two, scoresOf(two, rowsOfLogits(rows(right).set(1, reference)), second));
  const limits = { margin: 100, minimum: 1e-6, position: 1e-6, mean: 1e-7 };
  const found = measuring.result(limits.position);
  const floor = { method: 'measured', windows: 1, meanKl: 0, maxKl: 0 };
  return { found, ...verdictOf({ ...found, worst: spelt(found.worst, { metadata: {} }), source, limits, floor }) };
}

describe('the verdict', () => {
  test('of equal logits is that they agree', () => {
    expect(judged(right)).toMatchObject({ verdict: 'agree', found: { over: 0 } });
  });

  test('names the prompt and the position that is over its limit', () => {
    const { verdict, reason, found } = judged(Float32Array.of(1, 2, 0));
    expect(verdict).toBe('diverged');
    expect(reason).toContain('in 1 of 2 prompts. The worst is position 1 in prompt 2');
    expect(found.windows.map(({ over, firstOver }) => [over, firstOver])).toEqual([
      [0, null],
      [1, 1],
    ]);
    expect(found.positions.map(({ from, to }) => [from, to])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });

  test('is that they diverged where the candidate is not finite', () => {
    const { verdict, reason } = judged(Float32Array.of(Number.NaN, 2, 0));
    expect(verdict).toBe('diverged');
    expect(reason).toContain('not finite at 1 of 6 positions');
  });

  test('is that they diverged where only the mean is over its limit', () => {
    const { verdict, reason } = judged(Float32Array.of(2.0028, 1, 0));
    expect(verdict).toBe('diverged');
    expect(reason).toContain('a little wrong everywhere');
  });

  test('cannot be told where the reference is not finite, and says what is missing', () => {
    expect(judged(right, Float32Array.of(Number.NaN, 0, 0)).verdict).toBe('incomparable');
    expect(judged(undefined)).toMatchObject({ verdict: 'agree', reason: expect.stringContaining('of 1 position.') });
  });
});

describe('the limit', () => {
  test('grows with the square of that of a stage', () => {
    expect(klRule({ margin: 3, minimum: 1e-3 })).toEqual({ margin: 9, minimum: (10 * 1e-3) ** 2 / 2 });
  });

  test('is measured on some windows, and on those that would be accused', async () => {
    const many: Window[] = whole(Array.from({ length: 40 }, () => [1, 2, 0]));
    const asked: number[] = [];
    const twin = {
      method: 'twin',
      rows: async ({ index }: Window) => {
        asked.push(index);
        return rows(index === 37 ? Float32Array.of(1, 2, 0) : right);
      },
    };
    const meter = new FloorMeter({ margin: 9, minimum: 1e-6 }, many.length, twin, '');
    const reference = rowsOfLogits(rows(right));
    for (const window of many) await meter.measure(window, reference, window.index === 37 ? 0.3 : 0);
    expect(asked).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 37]);
    expect(meter.limits.position).toBeGreaterThan(0.3); // llama.cpp itself is as far there
    expect(meter.floor.windows).toBe(9);
  });

  test('without a floor is the minimum', async () => {
    const meter = new FloorMeter({ margin: 9, minimum: 1e-6 }, 1, undefined, '--no-floors');
    await meter.measure(windows[0] as Window, rowsOfLogits(rows(right)), 1);
    expect(meter.limits).toMatchObject({ position: 1e-6, mean: 1e-6 });
    expect(meter.floor).toMatchObject({ method: 'not measured: --no-floors', maxKl: null });
    expect(limitsOf({ margin: 9, minimum: 0 }, { count: 0 } as never, 2).position).toBe(18);
  });
});

describe('the onset', () => {
  test.each([
    [
      'that the first wrong position tells takes two runs',
      300,
      (n: number) => (n > 300 ? 300 : undefined),
      301,
      300,
      2,
    ],
    ['before the positions that were scored takes one more', 256, (n: number) => (n > 99 ? 99 : undefined), 100, 99, 3],
    ['at the first token', 256, () => 0, 1, 0, 2],
    ['at the last', 479, (n: number) => (n === 480 ? 479 : undefined), 480, 479, 1],
  ])('%s', async (_, first, probe, tokens, position, runs) => {
    expect(await onsetOf(4, 480, first, async (n) => probe(n))).toEqual({ window: 4, tokens, position, runs });
  });

  test.each([1, 3, 4, 256, 257, 479, 480])(
    'of a bug that takes %i tokens, wherever it shows, is found by halves',
    async (fewest) => {
      const onset = await onsetOf(0, 480, 3, async (n) => (n >= fewest ? Math.min(3, n - 1) : undefined));
      expect(onset).toMatchObject({ tokens: fewest, position: Math.min(3, fewest - 1) });
      expect(onset.runs).toBeLessThan(14);
    },
  );

  test('of a bug that shows at the last position, however many tokens there are, is found by halves', async () => {
    const onset = await onsetOf(0, 480, 300, async (n) => (n > 1 ? n - 1 : undefined));
    expect(onset).toMatchObject({ tokens: 2, position: 1 });
    expect(onset.runs).toBeLessThan(20);
  });
});

test('what is left is told when something is done', () => {
  const left = new TimeLeft([10, 10]);
  expect(left.text(0)).toBe('');
  expect(left.text(1)).toMatch(/^, about \d+ (s|min) left$/);
});
