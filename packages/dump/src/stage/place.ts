/** A stage at its place in the model. */
export interface Place {
  readonly stage: string;
  /** null for model-wide stages. */
  readonly layer: number | null;
}

/** A stage of one step. */
export interface StageId extends Place {
  /** 0 is the prompt, 1… are decoded tokens. */
  readonly step: number;
}

/** The identity of a stage in a run: two sides are aligned by it. @example stageKey({ step: 0, layer: 3, stage: 'kq' }) === '0/3/kq' */
export const stageKey = (at: StageId): string => `${at.step}/${placeKey(at)}`;

/** The same at any step. @example placeKey({ layer: null, stage: 'embd' }) === '-/embd' */
export const placeKey = ({ layer, stage }: Place): string => `${layer ?? '-'}/${stage}`;

/** Its identity alone, of something that has more. */
export const idOf = ({ step, layer, stage }: StageId): StageId => ({ step, layer, stage });

/** A place alone, of something that has more. */
export const placeOf = ({ layer, stage }: Place): Place => ({ layer, stage });
