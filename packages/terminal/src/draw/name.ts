import type { StageId } from '@llama-probe/diff';

/** @example nameOf({ stage: 'kq', layer: 3 }) === 'kq of layer 3' */
export const nameOf = ({ stage, layer }: Pick<StageId, 'stage' | 'layer'>): string =>
  layer === null ? stage : `${stage} of layer ${layer}`;
