import type { State } from '../state.js';
import { detailEnd } from './detail/detail.js';
import { overlayEnd } from './overlay.js';

/** How far what is on the screen may be scrolled: until its last line is at the bottom. */
export function scrollEnd(state: State): number {
  if (state.overlay) return overlayEnd(state, state.overlay);
  return state.detail ? detailEnd(state, state.detail) : 0;
}
