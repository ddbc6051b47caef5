import { readFileSync } from 'node:fs';
import { UsageError } from '../errors.js';

/** A prompt of a file. */
export type GivenPrompt = { readonly text: string } | { readonly ids: readonly number[] };

/** A text file, as it is. @throws UsageError where it cannot be read, is no UTF-8, or is empty */
export function readText(option: string, path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${option}: ${path} is not UTF-8. Convert it (iconv -t UTF-8).`);
  }
  if (text.trim() === '') throw new UsageError(`${option}: ${path} is empty; wanted some text.`);
  return text;
}

/**
 * Prompts of a file, one a line: JSONL with `prompt`, `text` or `tokens`, or plain text. A file whose first line begins with { is JSONL.
 *
 * @throws UsageError with the line that is wrong
 */
export function readPrompts(path: string): GivenPrompt[] {
  const lines = readText('--prompts', path)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  const isJson =
    lines
      .find((line) => line.trim() !== '')
      ?.trimStart()
      .startsWith('{') ?? false;
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    return [isJson ? promptOf(line, `--prompts: line ${i + 1} of ${path}`) : { text: line }];
  });
}

const WANTED = 'wanted {"prompt": "…"}, {"text": "…"} or {"tokens": [1, 15043]}';

function promptOf(line: string, where: string): GivenPrompt {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError(`${where} is no JSON; ${WANTED}.`);
  }
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const { tokens } = given;
  const text = given.prompt ?? given.text;
  if (tokens !== undefined) {
    if (Array.isArray(tokens) && tokens.length > 0 && tokens.every((id) => Number.isInteger(id) && id >= 0))
      return { ids: tokens };
    throw new UsageError(`${where}: "tokens" is no list of token ids; ${WANTED}.`);
  }
  if (typeof text === 'string' && text !== '') return { text };
  const found =
    text === undefined ? 'has none of them' : text === '' ? 'has an empty text' : 'has something else there';
  throw new UsageError(`${where} ${found}; ${WANTED}.`);
}
