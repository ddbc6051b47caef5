import { existsSync, writeFileSync } from 'node:fs';
import { stageKey } from '@llama-probe/dump';
import type { Finding } from '../report/outcome.js';
import { writeOutputs } from '../report/outputs.js';
import type { Recorder } from '../run/watcher.js';
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

/** Writes an output of what is shown. A file that is there is replaced only where that was asked for. */
export async function exportAs(
  finding: Finding,
  { output, path, replace }: Request & { type: 'export' },
): Promise<News> {
  if (!replace && existsSync(path)) {
    return { type: 'not-exported', path, exists: true, reason: `${path} is there already` };
  }
  try {
    if (output === 'json') writeFileSync(path, `${JSON.stringify(finding.report)}\n`);
    else await writeOutputs([finding], { [output]: path }, () => {});
    return { type: 'exported', path };
  } catch (error) {
    return { type: 'not-exported', path, exists: false, reason: (error as Error).message };
  }
}
