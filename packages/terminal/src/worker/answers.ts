import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Recorder } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import { stageKey } from '@llama-probe/dump/stage';
import { placeOf, writeOutput } from '@llama-probe/report';
import type { News, Request } from './protocol.js';

/** A stage from near, with one row of its values. */
export function lookAt(recorder: Recorder, { pass, at, row }: Request & { type: 'detail' }): News {
  const details = recorder.details(pass);
  const key = stageKey(at);
  const detail = details.detail(key) ?? null;
  const values = details.values(key);
  const index = Math.min(row ?? worstRow(detail?.rows ?? []), (values?.rows.length ?? 0) - 1);
  const pair = values?.rows[index];
  return { type: 'detail', pass, at, detail, row: pair ? { index, ...pair } : null };
}

/** A row that is not finite on one side is worse than any other. */
function worstRow(rows: readonly number[]): number {
  let worst = 0;
  for (const [index, delta] of rows.entries()) {
    if (Number.isNaN(delta)) return index;
    if (delta > (rows[worst] as number)) worst = index;
  }
  return worst;
}

/** Writes an output of what is shown. An existing file is replaced only if that was asked for. */
export async function exportAs(
  finding: Finding,
  { output, path, replace }: Request & { type: 'export' },
  taken: readonly string[],
): Promise<News> {
  const refused = (reason: string): News => ({ type: 'not-exported', path, exists: false, reason });
  const file = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  if (file === '-') return refused('The view has standard output; name a file.');
  if (taken.some((own) => placeOf(own) === placeOf(file))) {
    return refused(`${path} is a file that this command itself reads or keeps; name another one.`);
  }
  if (!replace && existsSync(file)) {
    return { type: 'not-exported', path, exists: true, reason: `${path} is there already` };
  }
  try {
    await writeOutput(output, [finding], file);
    return { type: 'exported', path: file };
  } catch (error) {
    return refused((error as Error).message.replace(/^(--)?\w+: /, ''));
  }
}
