import { readFileSync } from 'node:fs';
import { decode, UsageError } from '@llama-probe/comparison/ask';
import type { z } from 'zod';

interface Wanted {
  readonly kind: string;
  /** @example 'the result of a gate' */
  readonly is: string;
  /** What the file should have been. @example 'wanted what probe gate --result wrote' */
  readonly wanted: string;
  /** What is needed of it, as it stands in the file. */
  readonly schema: z.ZodType;
}

/**
 * A document that a command has written with `--json` or `--result`, with its NaN and infinities as numbers.
 *
 * @throws UsageError where the file cannot be read, is another document, or not all of one
 */
export function readDocument(path: string, { kind, is, wanted, schema }: Wanted): unknown {
  const refuse = (what: string) => new UsageError(`${path}: ${what}; ${wanted}.`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('is not JSON, or was cut off');
  }
  const { kind: found, schema: version, reason } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (found === 'failure') throw refuse(`holds a failure (${reason})`);
  if (found !== kind) throw refuse(`is not ${is}${typeof found === 'string' ? `, but of kind "${found}"` : ''}`);
  if (version !== 1) throw refuse(`has schema ${version}, and this version reads 1`);
  const checked = schema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const place = issue?.path.map(String).join('.') || 'all of it';
    throw refuse(`is not ${is}, or not all of one: ${place}: ${issue?.message}`);
  }
  return decode(text);
}
