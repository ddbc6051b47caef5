import { describe, expect, test } from 'vitest';
import { decode, documentOf, encode, failure } from '../src/report-json.js';

describe('JSON', () => {
  const odd = {
    a: Number.NaN,
    b: [Number.POSITIVE_INFINITY, { c: Number.NEGATIVE_INFINITY }],
    d: null,
    e: 'NaN',
    f: -0.5,
  };

  test('has the numbers that it does not have as objects', () => {
    expect(encode(odd)).toBe(
      '{"a":{"number":"NaN"},"b":[{"number":"Infinity"},{"c":{"number":"-Infinity"}}],"d":null,"e":"NaN","f":-0.5}',
    );
  });

  test('comes back as it was', () => {
    expect(decode(encode(odd))).toEqual(odd);
    expect(decode('{"number":"seven"}')).toEqual({ number: 'seven' });
  });

  test('begins with its schema and its kind', () => {
    expect(encode(documentOf('check', { file: 'a', schema: 1 }))).toBe('{"schema":1,"kind":"check","file":"a"}');
    expect(encode(failure('no such file', 'usage'))).toMatch(
      /^\{"schema":1,"kind":"failure","verdict":"incomparable",/,
    );
  });
});
