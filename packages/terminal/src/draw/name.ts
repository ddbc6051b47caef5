import { describe } from '@llama-probe/diff';
import type { Place } from '@llama-probe/dump/stage';

/** A stage's name without its step, which is said beside it. @example nameOf({ stage: 'kq', layer: 3 }) === 'kq of layer 3' */
export const nameOf = (place: Place): string => describe({ ...place, step: 0 });
