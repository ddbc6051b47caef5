import type { Keys } from '../keys.js';

/** Which layers see a window only: all but the last of each `period` layers, or as the file has it for each (llama.cpp's set_swa_pattern). */
export function windowedLayers(keys: Keys, layers: number, period: number): boolean[] {
  const given = keys.raw('attention.sliding_window_pattern');
  if (Array.isArray(given)) return Array.from({ length: layers }, (_, il) => Boolean(given[il]));
  const every = given === undefined ? period : keys.count('attention.sliding_window_pattern');
  return Array.from({ length: layers }, (_, il) => il % every < every - 1);
}
