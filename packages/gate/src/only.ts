import { UsageError } from '@llama-probe/comparison/ask';
import picomatch from 'picomatch';
import type { GateCase } from './config/case.js';

/** The cases that a glob names. @throws UsageError where there are none */
export function only(cases: readonly GateCase[], glob: string): GateCase[] {
  if (glob === '')
    throw new UsageError('--only: wanted a glob over the names of cases, such as "*-Q4_K-*"; got nothing.');
  const isMeant = picomatch(glob);
  const chosen = cases.filter(({ name }) => isMeant(name));
  if (chosen.length > 0) return chosen;
  throw new UsageError(`--only ${glob} matches no case; the cases are ${cases.map(({ name }) => name).join(', ')}.`);
}
