import type { NamedFault } from '@llama-probe/comparison';
import type { Fault } from '@llama-probe/diff';
import { ranges } from './words.js';

/** The faults of one stage name and one bug, as sure of all of them, in whichever layers. */
export type FaultGroup = readonly [NamedFault, ...NamedFault[]];

/** Groups faults: the same stage and bug in several layers is one thing to mend. */
export function groupFaults(faults: readonly NamedFault[]): FaultGroup[] {
  const groups = new Map<string, [NamedFault, ...NamedFault[]]>();
  for (const fault of faults) {
    const kind = `${fault.stage} ${fault.cause?.id ?? ''} ${fault.cause?.confidence ?? ''}`;
    const group = groups.get(kind);
    if (group) group.push(fault);
    else groups.set(kind, [fault]);
  }
  return [...groups.values()];
}

/** The one that is furthest off. NaN is further than any number. */
export const worstOf = (group: FaultGroup): NamedFault =>
  group.reduce((a, b) => (b.local > a.local || Number.isNaN(b.local) ? b : a));

/** @example layersOf(group) === '0 to 3'; empty for a stage of the whole model */
export const layersOf = (faults: readonly Pick<Fault, 'layer'>[]): string =>
  ascending(faults.flatMap(({ layer }) => (layer === null ? [] : [layer])));

/** Every step at which one of them is wrong. @example stepsOf(group) === '0 to 16' */
export const stepsOf = (faults: readonly Fault[]): string => ascending(faults.flatMap(({ steps }) => steps));

/** @example placeOf(group) === 'q_rope of the layers 0 to 3' */
export function placeOf(group: FaultGroup): string {
  const layers = layersOf(group);
  if (layers === '') return group[0].stage;
  return `${group[0].stage} of ${/^\d+$/.test(layers) ? 'layer' : 'the layers'} ${layers}`;
}

const ascending = (numbers: readonly number[]): string => ranges([...new Set(numbers)].sort((a, b) => a - b));
