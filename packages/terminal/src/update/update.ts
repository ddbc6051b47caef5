import type { Key } from '../keys.js';
import { isTooSmall } from '../layout.js';
import type { Event, Next, State } from '../state.js';
import { detailKey } from './detail.js';
import { mainKey } from './main.js';
import { news } from './news.js';
import { overlayKey } from './overlay.js';

/** What is shown next, and what is to be done, after something has happened. */
export function update(state: State, event: Event): Next {
  switch (event.type) {
    case 'key':
      return key(state, event.key, event.end);
    case 'news':
      return news(state, event.news);
    case 'size':
      return [{ ...state, size: event.size }];
    case 'tick':
      return [{ ...state, now: event.now }];
  }
}

function key(before: State, name: Key, end: number): Next {
  if (name === 'ctrl-c') return [before, { type: 'quit' }];
  if (name === 'q' && isTooSmall(before.size)) return [before, { type: 'quit' }]; // an overlay could not be seen
  if (name === 'ctrl-z') return [before, { type: 'suspend' }];
  if (name === 'ctrl-l') return [before, { type: 'redraw' }];
  const state = before.notice ? { ...before, notice: null } : before;
  if (state.overlay) return overlayKey(state, state.overlay, name, end);
  if (state.detail) return detailKey(state, state.detail, name, end);
  return mainKey(state, name);
}
