import { writeFileSync } from 'node:fs';
import { type LlamaSizes, randomFrom, text, tinyLlama, tokenizer, writeGguf } from '@llama-probe/testing';

/** What of a tiny Llama is not as usual. */
export interface TinyModel extends Partial<LlamaSizes> {
  byteTokens?: boolean;
  vocabulary?: boolean;
  chatTemplate?: string;
}

/** A small random Llama that knows "hello world", as a GGUF file: the tests need no model from outside. */
export function writeTinyModel(
  path: string,
  { byteTokens, vocabulary, chatTemplate, ...sizes }: TinyModel = {},
): string {
  const { tokens, metadata } = tokenizer({
    ...(byteTokens === undefined ? {} : { byteTokens }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  });
  const { embd = 64, heads = 4 } = sizes;
  const usual = {
    layers: 2,
    embd,
    heads,
    kvHeads: 2,
    headDim: embd / heads,
    ff: 96,
    vocab: tokens.length,
    context: 512,
  };
  const parts = tinyLlama({ ...usual, ...sizes }, randomFrom(7));
  Object.assign(parts.metadata, vocabulary === false ? { 'tokenizer.ggml.model': text('no_vocab') } : metadata);
  writeFileSync(path, writeGguf(parts).bytes);
  return path;
}
