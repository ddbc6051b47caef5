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
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new UsageError(`${option}: ${path} is a folder; wanted a file of text.`);
    throw new UsageError(`${option}: ${path} cannot be read (${code}).`);
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
 * Prompts of a file, one a line: JSONL with `prompt`, `text` or `tokens`, samples of lm-evaluation-harness, or plain text. A file whose first line begins with { is JSONL.
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
    return isJson ? promptsOf(line, `--prompts: line ${i + 1} of ${path}`) : [{ text: line }];
  });
}

const WANTED = 'wanted {"prompt": "…"}, {"text": "…"} or {"tokens": [1, 15043]}';

function promptsOf(line: string, where: string): GivenPrompt[] {
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
      return [{ ids: tokens }];
    throw new UsageError(`${where}: "tokens" is no list of token ids; ${WANTED}.`);
  }
  if (typeof text === 'string' && text !== '') return [{ text }];
  const requests = text === undefined ? requestsOf(given.arguments) : [];
  if (requests.length > 0) return requests;
  const found =
    text === undefined ? 'has none of them' : text === '' ? 'has an empty text' : 'has something else there';
  throw new UsageError(`${where} ${found}; ${WANTED}.`);
}

/**
 * The requests of a sample that lm-evaluation-harness has logged (`--log_samples`): a context, and what follows it where that is a text and no settings of a generation.
 *
 * Source: EleutherAI/lm-evaluation-harness, lm_eval/loggers/evaluation_tracker.py, `save_results_samples`.
 */
function requestsOf(given: unknown): GivenPrompt[] {
  if (typeof given !== 'object' || given === null) return [];
  return Object.values(given).flatMap((request: unknown) => {
    const [context, continuation] = typeof request === 'object' && request !== null ? Object.values(request) : [];
    if (typeof context !== 'string') return [];
    const text = context + (typeof continuation === 'string' ? continuation : '');
    return text === '' ? [] : [{ text }];
  });
}
