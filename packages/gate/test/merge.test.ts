import { join } from 'node:path';
import { decode, encode } from '@llama-probe/comparison/ask';
import { describe, expect, test } from 'vitest';
import { runMerge } from '../src/merge.js';
import type { GateResult } from '../src/result.js';
import { casesOfShard, parseShard } from '../src/shard.js';
import { folder, write } from './support/files.js';

describe('shards', () => {
  test.each(['0/2', '3/2', '1', '1/0', 'a/b', '-1/2', '1/2/3', ''])('%s is no shard', (text) => {
    expect(parseShard(text)).toBeUndefined();
  });

  test('shards have every case once', () => {
    const cases = Array.from({ length: 11 }, (_, i) => i);
    for (const count of [1, 2, 3, 11]) {
      const parts = Array.from({ length: count }, (_, i) => casesOfShard(cases, { index: i + 1, count }));
      expect(parts.flat().sort((a, b) => a - b)).toEqual(cases);
      const sizes = parts.map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });
});

describe('merge', () => {
  const CONFIG = { file: 'probe.config.ts', hash: 'abc', factor: 4, inputs: 'def' };
  const shard = (index: number, names: readonly string[], changes: Partial<GateResult> = {}): string => {
    const report = { verdict: 'agree', reason: '', stages: [], odd: Number.NaN };
    const cases = names.map((name) => ({ name, verdict: 'agree', reason: '', notes: [], report }));
    const known = [{ stages: ['kq'], until: '2026-01-01', reason: 'x', applied: names.length, used: 0, untold: 0 }];
    const config = CONFIG;
    return write(
      'shard.json',
      encode({
        ...{
          schema: 1,
          kind: 'gate',
          version: '0.1.0',
          verdict: 'agree',
          reason: '',
          config,
          known,
          notes: [],
          only: null,
        },
        ...{
          names: ['a', 'b', 'c', 'd', 'e'],
          total: 5,
          shard: { index, count: 3 },
          cases,
          timings: { total: 10 },
          ...changes,
        },
      } as unknown as GateResult),
    );
  };
  const parts = () => [shard(1, ['a', 'd']), shard(2, ['b', 'e']), shard(3, ['c'])] as const;

  test('puts the cases in their order, whatever that of the files', () => {
    const [one, two, three] = parts();
    const merged = runMerge([three, one, two]);
    expect(merged.cases.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(merged).toMatchObject({ verdict: 'agree', shard: null, timings: { total: 30 } });
    expect(merged.notes[0]?.text).toContain('matches nothing any more');
    expect(merged.cases[0]?.report).toMatchObject({ odd: Number.NaN });
  });

  test('refuses what is not all of one gate', () => {
    const [one, two, three] = parts();
    expect(() => runMerge([one, three])).toThrow(/shard 2\/3 missing/);
    expect(() => runMerge([one, two, two, three])).toThrow(/are both shard 2\/3/);
    const config = { ...CONFIG, hash: 'other' };
    expect(() => runMerge([one, two, shard(3, ['c'], { config })])).toThrow(/another configuration/);
    expect(() => runMerge([one, two, shard(3, ['c'], { shard: { index: 3, count: 4 } })])).toThrow(/number of shards/);
    expect(() => runMerge([one, two, shard(3, ['c'], { version: '9' })])).toThrow(/another version/);
    expect(() => runMerge([write('x.json', '{"kind": "gate"')])).toThrow(/is not JSON/);
    expect(() => runMerge([write('x.json', { kind: 'other' })])).toThrow(/not the result of a gate/);
    const hollow = shard(1, [], { cases: [{}] as never });
    expect(() => runMerge([hollow])).toThrow(/not the result of a gate/);
    expect(() => runMerge([join(folder, 'none.json')])).toThrow(/ENOENT/);
  });

  test('refuses lost cases, words that are no verdict, and parts of different commits', () => {
    const [one, two, three] = parts();
    expect(() => runMerge([shard(1, ['a']), two, three])).toThrow(/has 1 cases of the 2 that were its own: it lacks d/);
    expect(() => runMerge([shard(1, ['d', 'a']), two, three])).toThrow(/another order/);
    expect(() => runMerge([shard(1, ['a', 'd'], { verdict: 'fine' as never }), two, three])).toThrow(
      /verdict: .*"agree"/,
    );
    expect(() => runMerge([one, two, shard(3, ['c'], { config: { ...CONFIG, inputs: 'x' } })])).toThrow(
      /another set of prompts or baselines/,
    );
    const names = ['a', 'b', 'c', 'd'];
    expect(() => runMerge([shard(1, ['a', 'd'], { names }), two, three])).toThrow(/another list of cases/);
  });

  test('numbers that JSON does not have survive', () => {
    const text = encode({ a: [Number.NaN, 1, Number.POSITIVE_INFINITY], b: 'NaN' } as unknown as GateResult);
    expect(decode(text)).toEqual({ a: [Number.NaN, 1, Number.POSITIVE_INFINITY], b: 'NaN' });
  });
});
