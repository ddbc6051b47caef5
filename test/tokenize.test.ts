import { writeFileSync } from 'node:fs';
import { text, tokenizer, writeGguf } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { Tokenized } from '../packages/probe/src/commands/tokenize.js';
import { path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';

/** A file that is only a vocabulary: SentencePiece's, of "hello world" and bytes. */
function vocabulary(name: string, change: Parameters<typeof tokenizer>[0] & { metadata?: object } = {}): string {
  const { metadata, ...options } = change;
  const own = tokenizer(options).metadata;
  const file = path(`${name}.gguf`);
  const head = { 'general.architecture': text('llama'), ...own, ...metadata };
  writeFileSync(file, writeGguf({ metadata: head, tensors: [], data: Buffer.alloc(0) }).bytes);
  return file;
}

const of = (model: string, prompt: string, ...more: string[]) =>
  probeJson<Tokenized>(['tokenize', '--model', model, '--prompt', prompt, ...more]);
const pieces = ({ tokens }: Tokenized) => tokens.map(({ piece, bytes }) => piece ?? bytes);

describe('probe tokenize', () => {
  test('a file that is only a vocabulary: ids, pieces, and where they stand', async () => {
    const { code, json } = await of(vocabulary('plain'), 'hello wörld');
    expect(json).toMatchObject({ kind: 'tokenize', verdict: 'agree', vocabulary: { type: 'SPM' }, against: null });
    expect(pieces(json)).toEqual(['<s>', ' hello', ' w', 'c3', 'b6', 'r', 'ld']);
    expect(json.tokens.map(({ from, to }) => `${from}-${to}`).join(' ')).toBe('0-0 0-5 5-7 7-8 8-9 9-10 10-12');
    expect(json.tokens.map(({ kind }) => kind).slice(0, 4)).toEqual(['control', 'normal', 'normal', 'byte']);
    expect(code).toBe(0);
  });

  test('what cannot be seen is written so that it can', async () => {
    const { stdout } = await probe(['tokenize', '--model', vocabulary('plain'), '--prompt', 'hello\u200b\tw']);
    expect(stdout).toContain('"␣hello"');
    expect(stdout).toContain('<e2>');
    expect(stdout).toContain('"\\t"');
    expect(stdout).toContain('text: "<s> hello\\u{200b}\\tw"');
    expect(stdout).not.toMatch(/[\u200b\t]/);
  });

  test('BOS and EOS: added or not, and why', async () => {
    const yes = await of(vocabulary('plain'), 'hello');
    expect(yes.json.bos).toEqual({ id: 1, isAdded: true, why: 'tokenizer.ggml.add_bos_token is true' });
    expect(yes.json.eos).toMatchObject({
      isAdded: false,
      why: expect.stringContaining('has no tokenizer.ggml.add_eos_token'),
    });
    const [no, ends] = [
      { 'tokenizer.ggml.add_bos_token': { type: 'bool', value: 0 } },
      { 'tokenizer.ggml.add_eos_token': { type: 'bool', value: 1 } },
    ];
    const none = await of(vocabulary('no-bos', { metadata: no }), 'hello');
    expect(none.json).toMatchObject({ bos: { isAdded: false, why: 'tokenizer.ggml.add_bos_token is false' } });
    expect(pieces(none.json)).toEqual([' hello']);
    const both = await of(vocabulary('eos', { metadata: ends }), 'hello');
    expect(both.json).toMatchObject({
      bos: { isAdded: true },
      eos: { isAdded: true, why: 'tokenizer.ggml.add_eos_token is true' },
    });
    expect(pieces(both.json)).toEqual(['<s>', ' hello', '</s>']);
    const asked = await of(vocabulary('plain'), 'hello', '--no-bos');
    expect(asked.json.bos).toMatchObject({ isAdded: false, why: 'it was not to be added (--no-bos)' });
  });

  test('special tokens in a text are tokens, or text', async () => {
    const model = vocabulary('plain');
    expect(pieces((await of(model, 'hello</s>')).json)).toEqual(['<s>', ' hello', '</s>']);
    const plain = pieces((await of(model, 'hello</s>', '--no-special')).json);
    expect(plain).not.toContain('</s>');
    expect(plain.join('')).toBe('<s> hello</s>');
  });

  test("ids back to text, and an id that the vocabulary doesn't have", async () => {
    const model = vocabulary('plain');
    const { json } = await of(model, 'hello world');
    const ids = json.tokens.map(({ id }) => id).join();
    const back = await probeJson<Tokenized>(['tokenize', '--model', model, '--ids', ids]);
    expect(back.json).toMatchObject({
      text: null,
      detokenized: '<s> hello world',
      tokens: json.tokens.map(({ id }) => ({ id, from: null })),
    });
    const { code, stderr } = await probe(['tokenize', '--model', model, '--ids', '1,99999']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('token 1 is 99999')]);
  });

  test('a chat template that llama.cpp knows, one that is a program of its own, and one that fails', async () => {
    const known = vocabulary('known', { chatTemplate: "{{ '<|im_start|>' }}" });
    expect((await of(known, 'hello', '--chat')).json).toMatchObject({
      chat: 'llama.cpp',
      text: expect.stringContaining('hello'),
    });
    const own = "{{ bos_token }}{% for m in messages %}[{{ m['role'] | upper }}] {{ m['content'] }}{% endfor %} he ";
    const { json } = await of(vocabulary('own', { chatTemplate: own }), 'hello', '--chat');
    expect(json).toMatchObject({
      chat: 'jinja',
      text: '<s>[USER] hello he ',
      bos: { isAdded: false, why: 'the chat template writes it, and it does not come twice' },
    });
    expect(pieces(json).filter((piece) => piece === '<s>')).toHaveLength(1);
    const { code, stderr } = await probe([
      'tokenize',
      '--model',
      vocabulary('bad', { chatTemplate: '{{ nothing() }}' }),
      '--chat',
    ]);
    expect(stderr).toContain('Run as Jinja it fails');
    expect(code).toBe(2);
  });

  test.each<[string, (ids: readonly number[]) => readonly unknown[], string, number]>([
    ['no BOS', ([, ...rest]) => rest, 'tokens-bos-missing', 0],
    ['BOS twice', (ids) => [1, ...ids], 'tokens-bos-doubled', 1],
    ['a cut end', (ids) => ids.slice(0, -1), 'tokens-truncated', 6],
    ['EOS behind it', (ids) => [...ids, 2], 'tokens-eos-appended', 7],
    ['ids of another vocabulary', () => [1, 15043, 3186], 'tokens-other-vocabulary', 1],
  ])("another tokenizer's ids, with %s", async (_, change, id, at) => {
    const model = vocabulary('plain');
    const ids = (await of(model, 'hello world a')).json.tokens.map((token) => token.id);
    const file = path('ids.json');
    writeFileSync(file, JSON.stringify({ input_ids: [change(ids)] }));
    const { code, json } = await of(model, 'hello world a', '--against', file);
    expect(json.against?.difference).toMatchObject({ id, at });
    expect(code).toBe(1);
    writeFileSync(file, ids.join('\n'));
    expect(await of(model, 'hello world a', '--against', file)).toMatchObject({ code: 0, json: { verdict: 'agree' } });
  });

  test.each<[string, string, readonly string[], string]>([
    ['without the space in front', 'hello', ['<s>', 'hello'], 'tokens-leading-space'],
    ['with other merges', 'hello', ['<s>', '▁', 'he', 'll', 'o'], 'tokens-other-pre-tokenizer'],
    [
      'with EOS as text',
      'hello</s>a',
      ['<s>', '▁hello', '<0x3C>', '<0x2F>', '<0x73>', '<0x3E>', 'a'],
      'tokens-special-as-text',
    ],
    ['with a letter in bytes', 'hello a', ['<s>', '▁hello', '▁', '<0x61>'], 'tokens-byte-fallback'],
    ['with what it does not know', 'hello ö', ['<s>', '▁hello', '▁', '<unk>'], 'tokens-byte-fallback'],
  ])("another tokenizer's pieces, %s", async (_, prompt, spelled, id) => {
    const { tokens } = tokenizer();
    const file = path('ids.txt');
    writeFileSync(file, spelled.map((piece) => tokens.indexOf(piece)).join(' '));
    const { code, json } = await of(vocabulary('plain'), prompt, '--against', file);
    expect(json.against?.difference?.id).toBe(id);
    expect(code).toBe(1);
  });

  test.each<[string, readonly string[], string]>([
    ['a text and ids', ['--ids', '1', '--prompt', 'a'], '--ids gives ids, and --prompt a text'],
    ['no id', ['--ids', '1,x'], '--ids: "x" is not a token id'],
    ['no file', ['--against', 'nowhere.json'], '--against: nowhere.json cannot be read (ENOENT)'],
    ['a file of words', ['--against', 'package.json'], 'package.json: it is neither an array nor a list of numbers'],
  ])('%s is refused', async (_, args, says) => {
    const { code, stderr } = await probe(['tokenize', ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });
});
