import type { Floor, Floors } from '@llama-probe/diff';
import type { FloorsDescription } from '@llama-probe/dump';

/** As a dump and the cache have them: `stageKey` → [stage, row, value]. */
export const encodeFloors = (floors: Iterable<readonly [string, Floor]>): FloorsDescription['stages'] =>
  Object.fromEntries([...floors].map(([key, { rel, row, value }]) => [key, [rel, row, value]]));

/** The other way round. */
export const decodeFloors = (stages: FloorsDescription['stages']): Floors =>
  new Map(Object.entries(stages).map(([key, [rel, row, value]]): [string, Floor] => [key, { rel, row, value }]));
