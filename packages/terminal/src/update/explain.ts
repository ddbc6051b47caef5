import type { State } from '../state.js';
import { wordsOn } from '../words.js';

/** Explains what the stage under the cursor is, or the first word that there is; the keys where there is none. */
export function explain(state: State): State {
  const word = wordsOn(state).at(-1);
  return { ...state, overlay: word === undefined ? { kind: 'help', scroll: 0 } : { kind: 'word', word } };
}
