import { randomFrom } from '@llama-probe/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { causesOf } from '../src/server/causes.js';
import { logPOf } from '../src/server/floor.js';
import type { Place } from '../src/server/left.js';
import { heldTo } from '../src/server/sparse.js';

/** Logits before the softmax, of the tokens before. */
type Bug = (logits: readonly number[], before: readonly number[], position: number) => readonly number[];

const VOCABULARY = 400;
const WORDS = 25; // ids that come again and again, as in a text
const LIMIT = 1e-3;

// The same numbers at every run: where a text shows too little, nothing is named, and that is right.
let random = randomFrom(7919);
beforeEach(() => {
  random = randomFrom(7919);
});

interface Server {
  readonly top?: number;
  readonly decimals?: number;
  readonly isReturnedOnly?: boolean;
  /** No token comes twice. */
  readonly isOnce?: boolean;
  /** The standard deviation of an error beside it. */
  readonly noise?: number;
}

const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** What a server with this bug says after each of 14 tokens. */
function places(bug: Bug, server: Server = {}): Place[] {
  const { top = 10, decimals = 4, isReturnedOnly = false, isOnce = false, noise = 0 } = server;
  // The first words come in the second half only, as those do that a bias makes likely.
  const tokens = Array.from({ length: 14 }, (_, i) => {
    if (isOnce) return i;
    const first = i < 7 ? 8 : 0;
    return first + Math.floor((WORDS - first) * random());
  });
  return tokens.map((_, position) => {
    const before = tokens.slice(0, position + 1);
    const logits = Float32Array.from({ length: VOCABULARY }, (_, id) => 2 * normal() + (id < WORDS ? 4 : 0));
    const own = bug([...logits], before, position).map((one) => one + noise * normal());
    const ids = [...own.keys()].sort((a, b) => (own[b] as number) - (own[a] as number)).slice(0, top);
    const sum = (isReturnedOnly ? ids.map((id) => own[id] as number) : own).reduce(
      (all, one) => all + Math.exp(one),
      0,
    );
    const logP = ids.map((id) => Number(((own[id] as number) - Math.log(sum)).toFixed(decimals)));
    const row = { ids, logP, top: ids[0], unresolved: 0 };
    return { position, before, logits, row, kl: heldTo(row, logPOf(logits))?.kl ?? Number.NaN, limit: LIMIT };
  });
}

const named = (bug: Bug, server?: Server) => causesOf(places(bug, server), [], async () => new Map());

const onBefore =
  (change: (logit: number, count: number) => number): Bug =>
  (logits, before) =>
    logits.map((one, id) => {
      const count = before.filter((other) => other === id).length;
      return count > 0 ? change(one, count) : one;
    });
const presence = (by: number) => onBefore((one) => one - by);
const frequency = (by: number) => onBefore((one, count) => one - by * count);
const repetition = (by: number) => onBefore((one) => (one > 0 ? one / by : one * by));
const warm =
  (by: number): Bug =>
  (logits) =>
    logits.map((one) => one / by);
const biased =
  (by: Readonly<Record<number, number>>): Bug =>
  (logits) =>
    logits.map((one, id) => one + (by[id] ?? 0));
const noisy =
  (by: number): Bug =>
  (logits) =>
    logits.map((one) => one + by * normal());
const all =
  (...bugs: readonly Bug[]): Bug =>
  (logits, before, position) =>
    bugs.reduce((row, bug) => bug(row, before, position), logits);

describe('two causes together are both named, with their values', () => {
  test.each([
    ['presence-penalty', 0.5, presence(0.5), 0.7],
    ['presence-penalty', -0.4, presence(-0.4), 1.3],
    ['frequency-penalty', 0.6, frequency(0.6), 0.8],
    ['repetition-penalty', 1.3, repetition(1.3), 0.6],
    ['repetition-penalty', 1.1, repetition(1.1), 1.5],
  ] as const)('%s %f and a temperature', async (id, value, penalty, temperature) => {
    for (const server of [{ top: 5 }, { top: 20, decimals: 6 }, { noise: 1e-3 }]) {
      expect(await named(all(penalty, warm(temperature)), server)).toMatchObject([
        {
          id: `temperature+${id}`,
          parts: [
            { id: 'temperature', value: temperature },
            { id, value },
          ],
        },
      ]);
    }
  });

  test('two penalties, and what was returned only', async () => {
    expect(await named(all(repetition(1.2), frequency(0.5)), { top: 20 })).toMatchObject([
      { id: 'repetition-penalty+frequency-penalty', parts: [{ value: 1.2 }, { value: 0.5 }] },
    ]);
    expect(await named(warm(0.7), { isReturnedOnly: true })).toMatchObject([
      { id: 'temperature+only-returned', parts: [{ value: 0.7 }, { value: null }] },
    ]);
  });
});

describe('a logit bias is named by its tokens', () => {
  test.each([
    ['one', { 3: 1.5 }],
    ['one that is less likely', { 4: -0.8 }],
    ['three', { 3: 1.5, 7: -0.5, 5: 0.25 }],
  ] as const)('%s', async (_, bias) => {
    for (const server of [{ top: 20 }, { top: 20, noise: 1e-3 }]) {
      const [only, ...others] = await named(biased(bias), server);
      expect(others).toEqual([]);
      expect(only?.id).toBe('logit-bias');
      const found = Object.fromEntries(only?.parts.map(({ token, value }) => [token, value]) ?? []);
      expect(Object.keys(found)).toEqual(Object.keys(bias));
      for (const [token, by] of Object.entries(bias)) expect(found[token]).toBeCloseTo(by, 1);
    }
  });
});

describe('nothing is named that is not so', () => {
  const unknown: [string, Bug][] = [
    ['noise', noisy(0.5)],
    ['noise under a temperature', all(noisy(0.3), warm(0.7))],
    ['other weights', (logits) => logits.map((one, id) => 0.8 * one + 0.6 * (logits[(id + 1) % VOCABULARY] as number))],
    ['a soft-cap', (logits) => logits.map((one) => 5 * Math.tanh(one / 5))],
    ['a soft-cap under a temperature', all((logits) => logits.map((one) => 6 * Math.tanh(one / 6)), warm(0.8))],
    ['one position that is off', (logits, _, at) => (at === 6 ? logits.map((one, id) => one + Math.sin(id)) : logits)],
    ['three: two penalties and a temperature', all(repetition(1.3), frequency(0.5), warm(0.7))],
    ['three: presence, frequency and a temperature', all(presence(0.6), frequency(0.3), warm(0.7))],
    ['three, of which one is small', all(presence(0.6), frequency(0.1), warm(0.7))],
    ['three, of which one is very small', all(presence(0.6), frequency(0.02), warm(0.7))],
    [
      'a penalty on one token, which is before all',
      (logits, before) => biased({ [before[0] as number]: -0.7 })(logits, [], 0),
    ],
    ['a bias under a temperature', all(biased({ 3: 1.5, 5: -1 }), warm(0.7))],
    ['a bias beside noise', all(biased({ 3: 1.5 }), noisy(0.3))],
    ['a bias that differs from position to position', (logits, _, at) => biased({ 3: 1 + at / 4 })(logits, [], at)],
    ['a penalty on the first token only', (logits, before) => biased({ [before[0] as number]: -2 })(logits, [], 0)],
  ];
  test.each(unknown)('%s', async (_, bug) => {
    for (const top of [5, 20]) expect((await named(bug, { top })).map(({ title }) => title)).toEqual([]);
  });

  test('two penalties that are the same where no token comes twice', async () => {
    expect(await named(all(presence(0.5), warm(0.7)), { isOnce: true })).toEqual([]);
    expect(await named(all(repetition(1.3), warm(0.7)), { isOnce: true })).toHaveLength(1);
  });
});
