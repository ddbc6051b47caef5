import { GLOSSARY } from '@llama-probe/report';
import { passName, wordOf } from './draw/explained.js';
import { columnsOf } from './draw/table.js';
import { selected } from './grid/rows.js';
import type { State } from './state.js';

/** Of a stage from near: what its numbers are called. */
const NUMBERS = [
  'relative',
  'limit',
  'worst row',
  'local',
  'floor',
  'RMS Δ',
  'reference RMS',
  'max |Δ|',
  'cosine',
  'SQNR',
];

/** The words on the screen that the glossary has, from top to bottom; at last what the stage under the cursor is. */
export function wordsOn(state: State): string[] {
  const cell = selected(state);
  const numbers = state.detail ? NUMBERS : cell ? columnsOf(state) : [];
  const words = [state.about?.reference.mode ?? '', passName(state), ...numbers, cell ? wordOf(cell) : ''];
  return words.filter((word) => Object.hasOwn(GLOSSARY, word));
}

export const meaningOf = (word: string): string => GLOSSARY[word] ?? '';
