import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { delta, short } from '../numbers.js';
import type { State } from '../state.js';

/** A stage's delta from the reference's inputs, as that run found it: a sum leaves out what is not finite. null if it was not run. */
export function localOf({ stages }: State, result: StageResult): string | null {
  const blamed = stages.blame.get(stageKey(result));
  if (blamed) return delta(blamed);
  return result.local === null ? null : short(result.local);
}
