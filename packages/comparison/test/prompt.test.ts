import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reference } from '@llama-probe/reference';
import { describe, expect, test } from 'vitest';
import { parsePrompt, tokenize } from '../src/prompt.js';

describe('what to run', () => {
  test('"Hello" unless something is asked for', () => {
    expect(parsePrompt({})).toEqual({ text: 'Hello', chat: false });
    expect(parsePrompt({ chat: true })).toEqual({ text: 'Hello', chat: true });
    expect(parsePrompt({ prompt: ' a\n' })).toEqual({ text: ' a\n', chat: false });
  });

  test('a file, as it is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'llama-probe-prompt-'));
    const promptFile = join(folder, 'prompt.txt');
    writeFileSync(promptFile, 'grüß dich\n');
    expect(parsePrompt({ promptFile })).toEqual({ text: 'grüß dich\n', chat: false });
    writeFileSync(promptFile, Buffer.from([0x67, 0x72, 0xfc, 0xdf])); // "grüß" in Latin-1
    expect(() => parsePrompt({ promptFile })).toThrow(/prompt\.txt is not UTF-8.*iconv -t UTF-8.*--tokens/);
    rmSync(folder, { recursive: true });
    expect(() => parsePrompt({ promptFile })).toThrow(/prompt\.txt cannot be read \(ENOENT\)/);
  });

  test('ids, with commas, spaces or both', () => {
    for (const tokens of ['1,15043,0', '1 15043 0', ' 1, 15043,\n0 ']) {
      expect(parsePrompt({ tokens })).toEqual({ ids: [1, 15043, 0] });
    }
    expect(parsePrompt({ tokens: '' })).toEqual({ ids: [] });
  });

  test.each(['x', '1,-2', '1.5', '0x10', '1e3', '99999999999'])('"%s" is no list of ids', (tokens) => {
    expect(() => parsePrompt({ tokens })).toThrow('is not a token id; wanted such as 1,15043');
  });

  test.each([
    [{ prompt: 'a', tokens: '1' }, '--prompt and --tokens were given'],
    [{ prompt: 'a', promptFile: 'b' }, '--prompt and --prompt-file were given'],
    [{ tokens: '1', chat: true }, '--chat formats text, and --tokens gives ids'],
    [{ prompt: '' }, '--prompt: the prompt is empty'],
    [{ promptFile: '/dev/null' }, '--prompt-file: the prompt is empty'],
  ])('%j is a mistake', (options, message) => {
    expect(() => parsePrompt(options)).toThrow(message);
  });
});

/** A tokenizer that makes an id of each character; BOS is 1 where the model adds one. */
function reference({ addsBos = true, template = (text: string) => `[${text}]` } = {}) {
  const asked: object[] = [];
  const fake = {
    tokenize: async (text: string, options: { addSpecial?: boolean; parseSpecial?: boolean }) => {
      asked.push(options);
      const ids = [...text.replace('<s>', '\x01')].map((char) => char.charCodeAt(0));
      return options.addSpecial && addsBos ? [1, ...ids] : ids;
    },
    chat: async (text: string) => template(text),
  } as unknown as Reference;
  return { fake, asked };
}

describe('text → ids', () => {
  test('ids are left alone, and the reference is not asked', async () => {
    const { fake, asked } = reference();
    expect(await tokenize({ ids: [5, 6] }, fake)).toEqual({ ids: [5, 6] });
    expect(asked).toEqual([]);
  });
  test('text gets its special tokens', async () => {
    expect(await tokenize({ text: 'ab', chat: false }, reference().fake)).toEqual({ ids: [1, 97, 98], text: 'ab' });
  });
  test('a chat message goes through the template, with one BOS', async () => {
    const added = await tokenize({ text: 'a', chat: true }, reference().fake);
    expect(added).toEqual({ ids: [1, 91, 97, 93], text: '[a]' });
    const written = reference({ template: (text) => `<s>[${text}]` });
    expect((await tokenize({ text: 'a', chat: true }, written.fake)).ids).toEqual([1, 91, 97, 93]);
    const none = reference({ addsBos: false });
    expect((await tokenize({ text: 'a', chat: true }, none.fake)).ids).toEqual([91, 97, 93]);
  });
});
