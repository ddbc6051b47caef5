import type { Place } from '@llama-probe/dump/stage';

/** @example stagesInWords([{ stage: 'q_rope', layer: 3 }, { stage: 'k_rope', layer: 3 }]) // 'q_rope and k_rope of layer 3' */
export function stagesInWords(places: readonly Place[]): string {
  const layers = new Map<number | null, string[]>();
  for (const { stage, layer } of places) layers.set(layer, [...(layers.get(layer) ?? []), stage]);
  return [...layers]
    .map(([layer, names]) => `${listed(names)}${layer === null ? '' : ` of layer ${layer}`}`)
    .join(', ');
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
