import { EXPORTS, OUTPUTS } from '@llama-probe/report/outputs';
import type { Key } from '../keys.js';
import { GONE, type Next, type Overlay, type State } from '../state.js';
import { wordsOn } from '../words.js';

/** Keys while something lies over the screen. @param end how far it may be scrolled */
export function overlayKey(state: State, overlay: Overlay, key: Key, end: number): Next {
  const close = { ...state, overlay: null };
  if (key === 'escape') return [close];
  switch (overlay.kind) {
    case 'word':
      if (key === '?') return [{ ...state, overlay: { kind: 'help', scroll: 0 } }];
      if (key === 'q' || key === 'enter') return [close];
      return [{ ...state, overlay: { kind: 'word', word: beside(wordsOn(state), overlay.word, key) } }];
    case 'help':
    case 'remarks':
      if (key === 'q' || key === '?' || key === 'i' || key === 'enter') return [close];
      return [{ ...state, overlay: { ...overlay, scroll: scrolled(overlay.scroll, key, end) } }];
    case 'blame':
      if (key === 'y' || key === 'enter' || key === 't') return [{ ...close, isBlaming: true }, { type: 'blame' }];
      return [key === 'n' || key === 'q' ? close : state];
    case 'export':
      return menu(state, overlay.chosen, key);
    case 'path':
      return path(state, overlay, key);
  }
}

const ON = ['right', 'down', 'l', 'j', 'tab'];
const BACK = ['left', 'up', 'h', 'k', 'shift-tab'];

/** The next word, or the one before. */
function beside(words: readonly string[], word: string, key: Key): string {
  const by = ON.includes(key) ? 1 : BACK.includes(key) ? -1 : 0;
  return words[(words.indexOf(word) + by + words.length) % words.length] ?? word;
}

function scrolled(now: number, key: Key, end: number): number {
  if (key === 'down' || key === 'j') return Math.min(now + 1, end);
  if (key === 'up' || key === 'k') return Math.max(0, now - 1);
  return now;
}

function menu(state: State, chosen: number, key: Key): Next {
  const move = (by: number): Next => {
    return [{ ...state, overlay: { kind: 'export', chosen: (chosen + by + EXPORTS.length) % EXPORTS.length } }];
  };
  if (key === 'q') return [{ ...state, overlay: null }];
  if (key === 'down' || key === 'j' || key === 'tab') return move(1);
  if (key === 'up' || key === 'k' || key === 'shift-tab') return move(-1);
  const output = EXPORTS[key === 'enter' ? chosen : Number(key) - 1];
  if (!output) return [state];
  const path = `report.${OUTPUTS[output].view.ending}`;
  return [{ ...state, overlay: { kind: 'path', output, path, replace: false, problem: null } }];
}

function path(state: State, overlay: Overlay & { kind: 'path' }, key: Key): Next {
  const { output, path, replace } = overlay;
  const set = (path: string): Next => [{ ...state, overlay: { ...overlay, path, replace: false, problem: null } }];
  if (replace) {
    if (key === 'y' && !state.isGone) return [state, { type: 'export', output, path, replace }];
    if (key === 'n') return set(path);
  }
  if (key === 'enter' && state.isGone) return [{ ...state, overlay: { ...overlay, replace: false, problem: GONE } }];
  if (key === 'enter')
    return path.trim() === '' || replace ? [state] : [state, { type: 'export', output, path, replace }];
  if (key === 'backspace') return set([...path].slice(0, -1).join(''));
  if (key === 'ctrl-u') return set('');
  return [...key].length === 1 ? set(path + key) : [state];
}
