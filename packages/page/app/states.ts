import type { State } from './model.js';

/** Each state's sign and words. Colours are in style.css, by the class of the same name. */
export const STATES: Readonly<Record<State, { readonly glyph: string; readonly words: string }>> = {
  fault: { glyph: '✗', words: 'fault of its own' },
  over: { glyph: '■', words: 'over its limit' },
  inherited: { glyph: '↳', words: 'inherits an error' },
  incomparable: { glyph: '?', words: 'could not be compared' },
  near: { glyph: '•', words: 'agrees, near its limit' },
  agree: { glyph: '·', words: 'agrees' },
  absent: { glyph: '', words: 'not compared' },
};

/** How far over or under its limit, as one of the shades of a state. */
export function shadeOf(share: number): 0 | 1 | 2 {
  if (share <= 0.05) return 0;
  if (share <= 1) return share <= 0.5 ? 1 : 2;
  if (Number.isNaN(share)) return 2;
  return share <= 30 ? 0 : share <= 3000 ? 1 : 2;
}

export const VERDICTS = {
  agree: { glyph: '✓', words: 'The sides agree' },
  diverged: { glyph: '✗', words: 'The sides diverged' },
  incomparable: { glyph: '?', words: 'It could not be told' },
} as const;

/** What became of a stage since the run before. Its colour is what it is now. */
export const CHANGES = {
  w: { glyph: '▲', words: 'worse than before' },
  b: { glyph: '▼', words: 'better than before' },
  n: { glyph: '+', words: 'not compared before' },
  s: { glyph: '', words: 'as before' },
} as const;

export type Change = keyof typeof CHANGES;
