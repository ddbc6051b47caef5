import { inShort } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { byNumbers } from '../../src/numbers/by-numbers.js';
import { each, PERTURBATIONS, type Perturbation, rearranged, rms } from '../diagnose/perturbations.js';
import { engineRows, limitsOf, random, randomCase } from '../diagnose/random-cases.js';
import { graphCases } from '../graph-cases.js';

/** What is so simple that it has to be told. */
const TOLD = [
  ...[
    'two columns exchanged',
    'a stale row of another token',
    'half a stale row',
    'a row twice',
    'rows rotated',
    'columns shifted by one',
  ],
  ...['columns shifted by one without wrapping', 'the whole transposed', 'columns in reverse'],
];

/** Of each row, another with it. */
const mixed =
  (f: (own: number, other: number) => number, by: number): Perturbation =>
  (x, width) => {
    const right = x.slice();
    right.forEach((value, i) => {
      x[i] = f(value, right[(i + by * width) % right.length] as number);
    });
  };

/** One random number for each of so many units. */
const perUnit =
  (unit: (i: number, width: number) => number, f: (value: number, own: number) => number): Perturbation =>
  (x, width, next) => {
    const own = new Map<number, number>();
    x.forEach((value, i) => {
      const at = unit(i, width);
      if (!own.has(at)) own.set(at, next());
      x[i] = f(value, own.get(at) as number);
    });
  };

const MORE: Record<string, Perturbation> = {
  'columns in a random order': (x, width, next) => {
    const order = Array.from({ length: width }, (_, i) => ({ i, key: next() })).sort((a, b) => a.key - b.key);
    rearranged((i) => order[i]?.i as number)(x, width, next);
  },
  'seven tenths of a row, three of the next': mixed((own, other) => 0.7 * own + 0.3 * other, 1),
  'the sum of two rows, one of them a little larger': mixed((own, other) => own + 1.13 * other, 1),
  'the mean of two rows': mixed((own, other) => (own + other) / 2, 2),
  'the larger of two rows': mixed(Math.max, 1),
  'the product of two rows': mixed((own, other) => own * other, 1),
  'a random factor': perUnit(
    () => 0,
    (value, own) => value * (1.1 + 0.3 * own),
  ),
  'a random factor for each row': perUnit(
    (i, width) => Math.floor(i / width),
    (value, own) => value * (1 + 0.3 * own),
  ),
  'a random factor for each block of 16': perUnit(
    (i) => i >> 4,
    (value, own) => value * (1 + 0.3 * own),
  ),
  'a random offset for each column': perUnit(
    (i, width) => i % width,
    (value, own) => value + 0.1 * own,
  ),
  'a random offset for each row': perUnit(
    (i, width) => Math.floor(i / width),
    (value, own) => value + 0.1 * own,
  ),
  'a random number in place of each column of a head': perUnit(
    (i, width) => (i % width < 16 ? i % width : -1),
    (value, own) => (own > 0 ? own : value),
  ),
  'a running sum over the tokens': (x, width) => {
    for (let i = width; i < x.length; i++) x[i] = (x[i] as number) + (x[i - width] as number);
  },
  'a running sum over the columns': (x, width) => {
    for (let i = 0; i < x.length; i++) if (i % width > 0) x[i] = (x[i] as number) + 0.1 * (x[i - 1] as number);
  },
  'neighbours turned by random angles': (x, _, next) => {
    for (let i = 0; i + 1 < x.length; i += 2) {
      const [angle, a, b] = [3 * next(), x[i] as number, x[i + 1] as number];
      x[i] = a * Math.cos(angle) - b * Math.sin(angle);
      x[i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  },
  'sums and differences of neighbours': (x) => {
    for (let i = 0; i + 1 < x.length; i += 2)
      [x[i], x[i + 1]] = [(x[i] as number) + (x[i + 1] as number), (x[i] as number) - (x[i + 1] as number)];
  },
  saturated: each((value) => Math.tanh(value)),
  'to the power of 1.1': each((value) => Math.sign(value) * Math.abs(value) ** 1.1),
  'noise on one head': each((value, i, width, next) => (i % width < 16 ? value * (1 + 0.1 * next()) : value)),
  'a stale row with noise': (x, width, next) => {
    x.copyWithin(2 * width, 0, width);
    for (let i = 2 * width; i < 3 * width && i < x.length; i++) x[i] = (x[i] as number) * (1 + 3e-2 * next());
  },
  'columns in reverse with noise': (x, width, next) => {
    rearranged((i, width) => width - 1 - i)(x, width, next);
    each((value) => value * (1 + 3e-2 * next()))(x, width, next);
  },
  'a half of it with noise': each((value, _, __, next) => 0.5 * value * (1 + 3e-2 * next())),
  'a small part of it and noise': (x, width, next) => {
    const size = rms(x);
    each((value) => 0.01 * value + size * next())(x, width, next);
  },
};

const SILENT = Object.entries({ ...PERTURBATIONS, ...MORE }).filter(([name]) => !TOLD.includes(name));
const STAGES =
  'embd attn_rms attn_norm q_proj q_rope kq kq_soft_max kqv_out attn_out ffn_inp ffn_swiglu l_out result_output'.split(
    ' ',
  );
const CASES = [
  ...STAGES.map((stage) => ({ limit: 1e-5, c: randomCase(stage) })),
  ...['q_rope', 'kq', 'kq_soft_max', 'kqv_out', 'l_out', 'attn_rms', 'attn_norm', 'ffn_out'].map((stage) => ({
    ...{ limit: 1e-5, c: randomCase(stage, { rows: 1, firstPosition: 9 }) },
  })),
  ...['attn_rms', 'attn_norm', 'k_proj', 'k_rope', 'kqv_out', 'ffn_out', 'l_out'].map((stage) => ({
    limit: 1e-2,
    c: randomCase(stage),
  })),
  ...graphCases()
    .filter(({ c, right }) => right.length / c.rows >= 8) // of three columns any order is simple
    .map(({ c }) => ({ limit: 1e-5, c })),
];

test('so many kinds of error are nothing simple', () => {
  expect(SILENT.length).toBeGreaterThanOrEqual(40);
});

test.each(inShort(SILENT, 12))('nothing is said of %s', (_, perturb) => {
  const said: string[] = [];
  for (const { limit, c } of CASES) {
    const sick = engineRows(c, {}, 7);
    perturb(sick, sick.length / c.rows, random(3));
    const found = byNumbers(c, sick, engineRows(c), { limits: limitsOf(limit) });
    if (found) said.push(`${c.stage}, ${c.rows} rows, ${limit}: ${found.text}`);
  }
  expect(said).toEqual([]);
});
