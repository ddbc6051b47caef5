import { readFileSync } from 'node:fs';
import { decode, UsageError } from '@llama-probe/comparison/ask';
import type { GateResult } from './result.js';
import { RESULT } from './result-schema.js';

/** A result that `--result` has kept, whole or not. @throws UsageError */
export function readResult(path: string): GateResult {
  const wanted = 'wanted a file that probe gate --result wrote';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code}); ${wanted}.`);
  }
  let value: unknown;
  try {
    value = decode(text);
  } catch {
    throw new UsageError(`${path}: is not JSON, or was cut off; ${wanted}.`);
  }
  const { kind, schema } = (value ?? {}) as Partial<GateResult>;
  if (kind !== 'gate') throw new UsageError(`${path}: is not the result of a gate; ${wanted}.`);
  if (schema !== 1) throw new UsageError(`${path}: has schema ${schema}, and this version reads 1; ${wanted}.`);
  const checked = RESULT.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const place = issue?.path.map(String).join('.') || 'all of it';
    throw new UsageError(
      `${path}: is not the result of a gate, or not all of one: ${place}: ${issue?.message}; ${wanted}.`,
    );
  }
  return value as GateResult;
}
