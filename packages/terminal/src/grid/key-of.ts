import type { StageId } from '@llama-probe/diff';

/** As `stageKey` of the dump package, which is not loaded for it. */
export const keyOf = ({ step, layer, stage }: StageId): string => `${step}/${layer ?? '-'}/${stage}`;

/** The same at every step. */
export const placeOf = ({ layer, stage }: Pick<StageId, 'layer' | 'stage'>): string => `${layer ?? '-'}/${stage}`;
