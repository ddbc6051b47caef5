import { readFileSync } from 'node:fs';
import { UsageError } from '../errors.js';

const KEYS = ['input_ids', 'ids', 'tokens'] as const;

/**
 * The ids that another tokenizer has made of a text: a JSON array, an object that has one under `input_ids`, `ids` or `tokens`, or whole numbers with
 * spaces, commas or line ends between them.
 *
 * @throws UsageError
 */
export function readIds(path: string): readonly number[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(`--against: ${path} cannot be read (${code}); wanted a file of token ids.`, { cause });
  }
  const found = idsOf(content);
  const ids = found?.map(Number);
  const wrong = ids?.findIndex((id) => !Number.isInteger(id) || id < 0) ?? -1;
  if (ids && ids.length > 0 && wrong < 0) return ids;
  const what =
    found && wrong >= 0
      ? `${JSON.stringify(found[wrong])} at place ${wrong} is no token id`
      : found
        ? 'it has no token ids'
        : 'it is neither an array nor a list of numbers';
  throw new UsageError(
    `--against: ${path}: ${what}. Wanted the ids of the other tokenizer: [1,15043] as JSON, or one a line.`,
  );
}

function idsOf(content: string): readonly unknown[] | undefined {
  const text = content.trim();
  if (!/^[[{]/.test(text)) return text === '' ? [] : text.split(/[\s,]+/);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = Array.isArray(data)
    ? data
    : KEYS.map((key) => (data as Record<string, unknown>)[key]).find(Array.isArray);
  // Hugging Face's tokenizer makes a batch of one text.
  return Array.isArray(list?.[0]) && list.length === 1 ? list[0] : list;
}
