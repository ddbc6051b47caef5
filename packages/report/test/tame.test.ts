import { describe, expect, test } from 'vitest';
import { tameMessage } from '../src/tame.js';

describe('the message of an error with names from a file', () => {
  test('moves no cursor and changes no colour', () => {
    expect(tameMessage('blk.\x1b[31m0\x07\x9b2J\r: is missing')).toBe('blk.·[31m0··2J·: is missing');
    expect(tameMessage('from right \u202eto left')).toBe('from right ·to left');
  });

  test('has no line that a CI takes for a command', () => {
    expect(tameMessage('a name\n::error file=a::pwned')).toBe('a name\n· ::error file=a::pwned');
    expect(tameMessage('a\n  ##[error]b\r\n ::set-output name=x::y')).toBe('a\n· ##[error]b\n· ::set-output name=x::y');
    expect(tameMessage('std::bad_alloc')).toBe('std::bad_alloc');
  });

  test('is as long as can be read', () => {
    const long = tameMessage(`name ${'x'.repeat(1e6)} is missing`);
    expect(long.length).toBeLessThan(1100);
    expect(long).toMatch(/… \(1000016 characters\)$/);
    const lines = tameMessage('line\n'.repeat(1e5));
    expect(lines.split('\n')).toHaveLength(41);
    expect(lines).toMatch(/… and 99961 more lines$/);
  });

  test('stays as it is where nothing is wrong with it', () => {
    const message = 'model.gguf: llama.cpp could not load it. It says:\n  error: wrong magic\n  täglich 日本 🙂';
    expect(tameMessage(message)).toBe(message);
  });
});
