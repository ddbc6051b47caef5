import { readDocument } from '@llama-probe/report/read-document';
import type { GateResult } from './result.js';
import { RESULT } from './result-schema.js';

/** A result that `--result` has kept, whole or not. @throws UsageError */
export const readResult = (path: string): GateResult =>
  readDocument(path, {
    kind: 'gate',
    is: 'the result of a gate',
    wanted: 'wanted a file that probe gate --result wrote',
    schema: RESULT,
  }) as GateResult;
