import { openDump } from '@llama-probe/dump';
import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { BaselineError } from '../src/baseline/baseline.js';
import { decodeBaseline, encodeBaseline } from '../src/baseline/format.js';
import { otherRun } from '../src/baseline/mismatch.js';
import { distance, PROJECTIONS, Projector, placeHash, rowHash, SPREAD } from '../src/baseline/projections.js';
import { StageSketch } from '../src/baseline/sketch.js';
import { write } from './support/files.js';
import { baseline, stage } from './support/stages.js';

const random = seeded();

describe('projections', () => {
  const project = (values: Float32Array, token = 0) => {
    const projector = new Projector();
    for (const [i, value] of values.entries()) projector.add(placeHash(rowHash(token), i), value);
    return projector.result();
  };

  test('estimate a distance within their spread, whatever the values', () => {
    const errors: number[] = [];
    for (let trial = 0; trial < 400; trial++) {
      const size = [3, 64, 256, 1000][trial % 4] as number;
      const a = Float32Array.from({ length: size }, () => random() * 2 - 1);
      const b = a.map((value) => value + 1e-3 * (random() - 0.3));
      const right = Math.hypot(...a.map((value, i) => value - (b[i] as number)));
      // Another token each time: other signs.
      errors.push(distance(project(a, trial), project(b, trial)) / right - 1);
    }
    const spread = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(spread).toBeGreaterThan(SPREAD * 0.7);
    expect(spread).toBeLessThan(SPREAD * 1.3);
    expect(errors.filter((error) => error > 3 * SPREAD).length).toBeLessThan(8);
  });

  test('do not depend on how rows are cut, nor on how many positions a pass has seen', () => {
    const row = (nKv: number) => {
      const values = new Float32Array(2 * nKv).fill(Number.NaN); // 2 heads
      for (let head = 0; head < 2; head++) for (let i = 0; i <= 3; i++) values[head * nKv + i] = head * 10 + i + 0.5;
      return values;
    };
    const [short, long] = [4, 9].map((nKv) => {
      const sketch = new StageSketch(2);
      sketch.add(3, row(nKv), row(nKv));
      return sketch.result();
    });
    expect(short).toEqual(long);
    expect(short?.values).toBe(8);
    expect(short?.nonFinite).toBe(0);
    expect(short?.projections).toHaveLength(PROJECTIONS);
  });

  test('tell two rows from each other: exchanged, they are far from what they were', () => {
    const rows = [0, 1].map(() => Float32Array.from({ length: 64 }, () => random() - 0.5));
    const [right, exchanged] = [rows, [...rows].reverse()].map((both) => {
      const sketch = new StageSketch(undefined);
      for (const [token, row] of both.entries()) sketch.add(token, row);
      return sketch.result();
    });
    const norm = distance(right?.projections ?? [], new Float64Array(PROJECTIONS));
    expect(distance(right?.projections ?? [], exchanged?.projections ?? [])).toBeGreaterThan(norm / 3);
    expect(right?.hash).not.toBe(exchanged?.hash);
  });

  test('NaN where no mask hides is counted', () => {
    const sketch = new StageSketch(undefined);
    sketch.add(0, Float32Array.of(1, Number.NaN, 3), Float32Array.of(1, 2, 3));
    expect(sketch.result()).toMatchObject({ values: 3, nonFinite: 1, mean: 2 });
  });
});

const DUMP = `ARROW1\0\0${'llama_probe.format'.padEnd(80)}`;

describe('baselines', () => {
  const whole = baseline([stage('embd', null, 0, null), stage('kq', 1, 2e-7)]);

  test('come back as they were written, and are the same bytes each time', () => {
    const bytes = encodeBaseline(whole);
    expect(decodeBaseline(bytes, 'x')).toEqual(whole);
    expect(encodeBaseline(decodeBaseline(bytes, 'x'))).toEqual(bytes);
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100), 'baseline-damaged'],
    ['cut to nothing', () => Buffer.alloc(0), 'baseline-damaged'],
    [
      'a dump',
      () => Buffer.concat([Buffer.from(DUMP), Buffer.alloc(40), Buffer.from([20, 0, 0, 0]), Buffer.from('ARROW1')]),
      'baseline-foreign',
    ],
    ['text', () => Buffer.from('<<<<<<< HEAD\n'), 'baseline-foreign'],
    [
      'with one number changed',
      (bytes: Buffer) => {
        const at = bytes.indexOf(Buffer.from(new Float64Array([2e-7]).buffer));
        bytes.writeDoubleLE(2e-4, at);
        return bytes;
      },
      'baseline-damaged',
    ],
  ])('that are %s are refused with a remedy', (_, change, code) => {
    const bytes = change(Buffer.from(encodeBaseline(whole)));
    expect(() => decodeBaseline(bytes, 'x.arrow')).toThrow(expect.objectContaining({ code }));
    expect(() => decodeBaseline(bytes, 'x.arrow')).toThrow(/^x.arrow: .*probe gate --update/);
  });

  test('with any single bit changed are refused at once: Arrow would read some of them for ever', () => {
    const bytes = Buffer.from(encodeBaseline(whole));
    let seed = 1;
    const random = () => {
      seed = Math.imul(seed, 48_271) >>> 0;
      return seed;
    };
    // Every bit of the beginning, where the schema is, and some hundred of the rest.
    const bits = Array.from({ length: 8 * 256 + 500 }, (_, i) => (i < 8 * 256 ? i : random() % (8 * bytes.length)));
    for (const bit of bits) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeBaseline(changed, 'x.arrow'), `bit ${bit}`).toThrow(BaselineError);
    }
  });

  test('and dumps that are empty are said to be', async () => {
    expect(() => decodeBaseline(Buffer.alloc(0), 'x.arrow')).toThrow(/^x.arrow: is empty/);
    await expect(openDump(write('x.arrow', ''))).rejects.toThrow(/is empty; wanted an Arrow IPC file/);
  });

  test('of another format are not read as Arrow, and say so', () => {
    const bytes = Buffer.from(encodeBaseline(whole));
    const old = Buffer.from(
      bytes.toString('latin1').replaceAll('llama-probe-sha256:', 'another-checksum-..'),
      'latin1',
    );
    expect(() => decodeBaseline(old, 'x.arrow')).toThrow(/of another format than 2/);
  });

  test('of another case, model or tokens are of another run, and that is told before anything is estimated', () => {
    const { stages: _, ...now } = whole;
    expect(otherRun(whole, now)).toBeUndefined();
    expect(otherRun(whole, { ...now, name: 'other' })).toMatch(/the case is another one: other, and m-hello/);
    expect(otherRun(whole, { ...now, tokens: [1, 3] })).toMatch(/at position 1 3, and 2/);
    expect(otherRun(whole, { ...now, model: { ...now.model, hash: 'xyz' } })).toMatch(/the model is another one/);
    const imatrix = 'abcdef0123456789';
    expect(otherRun(whole, { ...now, model: { ...now.model, imatrix } })).toMatch(
      /the importance matrix is another one: abcdef012345, and none/,
    );
  });
});
