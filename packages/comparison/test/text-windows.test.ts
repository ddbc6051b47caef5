import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPrompts } from '../src/text/prompts-file.js';
import { classOf } from '../src/text/token-class.js';
import { cut, whole } from '../src/text/windows.js';

const folder = mkdtempSync(join(tmpdir(), 'text-windows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = Array.from({ length: 11 }, (_, i) => 10 + i);

describe('windows of a text', () => {
  test('follow one another, begin with the BOS, and what is left is in none', () => {
    const windows = cut(text, { window: 4, bos: 1 });
    expect(windows.map(({ tokens }) => tokens)).toEqual([
      [1, 11, 12, 13],
      [1, 15, 16, 17],
    ]);
    expect(windows.map(({ first, last, begins }) => [first, last, begins])).toEqual([
      [2, 2, 0],
      [2, 2, 4],
    ]);
    expect(text[4]).toBe(14); // the text itself stays as it is
  });

  test('with a stride overlap, as they are, and the last of each are scored: every token once', () => {
    const windows = cut(text, { window: 6, stride: 2, bos: 1 });
    expect(windows.map(({ begins }) => begins)).toEqual([0, 2, 4]);
    expect(windows[1]?.tokens).toEqual([12, 13, 14, 15, 16, 17]);
    const predicted = windows.flatMap(({ begins, first, last }) => [begins + first + 1, begins + last + 1]);
    expect(predicted).toEqual([4, 5, 6, 7, 8, 9]);
  });

  test('of a text that is shorter are one, and no more than asked for', () => {
    expect(cut(text, { window: 512 })).toMatchObject([{ tokens: text, first: 5, last: 9 }]);
    expect(cut(text, { window: 3, most: 2 })).toHaveLength(2);
  });

  test.each([
    [{ window: 2 }, text, '--window 2 leaves nothing to score'],
    [{ window: 512 }, [1, 2], '--text has 2 tokens'],
    [{ window: 4, stride: 4 }, text, '--stride 4 is not shorter'],
  ])('%o is refused', (asked, tokens, says) => {
    expect(() => cut(tokens, asked)).toThrow(says);
  });

  test('prompts are scored at every position', () => {
    expect(whole([[5], [6, 7]])).toMatchObject([
      { index: 0, tokens: [5], first: 0, last: 0 },
      { index: 1, tokens: [6, 7], first: 0, last: 1 },
    ]);
  });
});

describe('a file of prompts', () => {
  const read = (content: string | Uint8Array) => {
    const path = join(folder, 'prompts');
    writeFileSync(path, content);
    return readPrompts(path);
  };

  test('is JSONL, or has one a line', () => {
    expect(read('\ufeff{"prompt": "a"}\n\n{"text": "b", "more": 1}\r\n{"tokens": [1, 2]}\n')).toEqual([
      { text: 'a' },
      { text: 'b' },
      { ids: [1, 2] },
    ]);
    const logged = {
      doc_id: 0,
      arguments: { gen_args_0: { arg_0: 'Q', arg_1: ' yes' }, gen_args_1: { arg_0: 'Q', arg_1: { until: [] } } },
    };
    expect(read(JSON.stringify(logged))).toEqual([{ text: 'Q yes' }, { text: 'Q' }]);
    expect(read('{"arguments": [["Q", " no"]]}')).toEqual([{ text: 'Q no' }]);
    expect(read('one { two }\n\n three\n')).toEqual([{ text: 'one { two }' }, { text: ' three' }]);
  });

  test.each([
    ['{"prompt": "a"}\n{"prompt": }', 'line 2', 'is no JSON'],
    ['{"prompt": "a"}\nplain', 'line 2', 'is no JSON'],
    ['{"other": 1}', 'line 1', 'has none of them'],
    ['{"prompt": ""}', 'line 1', 'has an empty text'],
    ['{"prompt": 5}', 'line 1', 'has something else'],
    ['{"tokens": [1, 2.5]}', 'line 1', 'is no list of token ids'],
    ['{"tokens": []}', 'line 1', 'is no list of token ids'],
    [' \n\n', '--prompts', 'is empty'],
    [Uint8Array.of(0x61, 0xff), '--prompts', 'is not UTF-8'],
  ])('%j is refused', (content, where, says) => {
    expect(() => read(content)).toThrow(where);
    expect(() => read(content)).toThrow(says);
  });

  test('that is a folder is refused', () => {
    expect(() => readPrompts(import.meta.dirname)).toThrow(/--prompts: .* is a folder; wanted a file of text\./);
  });
});

test('tokens are told apart by how the file spells them', () => {
  const pieces = ['<s>', '▁the', 'ing', '▁12', '7', 'Ġword', '<0x0A>', ' x', '.'];
  const of = classOf({ 'tokenizer.ggml.tokens': pieces, 'tokenizer.ggml.token_type': [3, 1, 1, 1, 1, 1, 6, 1, 1] });
  expect(pieces.map((_, id) => of?.(id))).toEqual([
    'special',
    'word',
    'continuation',
    'digits',
    'digits',
    'word',
    'continuation',
    'word',
    'continuation',
  ]);
  expect(classOf({})).toBeUndefined();
});
