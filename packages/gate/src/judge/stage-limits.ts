import type { LimitRule, StageId } from '@llama-probe/diff';
import picomatch from 'picomatch';

/** Some stages of some layers, by name. */
export interface StagePattern {
  /** Globs over stage names, such as `ffn_*`. */
  readonly stages: readonly string[];
  /** If undefined, every layer and the stages outside of layers. */
  readonly layers?: readonly number[] | undefined;
}

/** How some stages' limits follow from their floors; a field that is left out stays as it is for all. */
export interface StageLimit extends StagePattern {
  readonly margin?: number | undefined;
  readonly minimum?: number | undefined;
}

/** Whether a stage is meant. @example matcher({ stages: ['ffn_*'], layers: [2] })({ stage: 'ffn_out', layer: 2 }) */
export function matcher({ stages, layers }: StagePattern): (at: Pick<StageId, 'stage' | 'layer'>) => boolean {
  const isMeant = picomatch([...stages]);
  return ({ stage, layer }) => isMeant(stage) && (!layers || (layer !== null && layers.includes(layer)));
}

/** Each stage's rule: if several limits match it, the last one wins, field by field. */
export function ruleAt(
  rule: LimitRule,
  limits: readonly StageLimit[] = [],
): LimitRule | ((at: Pick<StageId, 'stage' | 'layer'>) => LimitRule) {
  if (limits.length === 0) return rule;
  const rows = limits.map((limit) => ({ limit, isMeant: matcher(limit) }));
  const known = new Map<string, LimitRule>(); // asked for with every piece of a stage
  return (at) => {
    const place = `${at.layer}/${at.stage}`;
    const before = known.get(place);
    if (before) return before;
    let { margin, minimum } = rule;
    for (const { limit, isMeant } of rows) {
      if (!isMeant(at)) continue;
      margin = limit.margin ?? margin;
      minimum = limit.minimum ?? minimum;
    }
    const found = { margin, minimum };
    known.set(place, found);
    return found;
  };
}
