import type { Effect, Event, State } from './state.js';
import { update } from './update/update.js';

const KEY = 8; // ms: what is typed together is drawn together
const NEWS = 45; // ms: about 20 pictures a second while stages stream in

/** Holds the state, and says when it is to be drawn: soon after a key, and not more often than the eye sees after news. */
export interface Store {
  /** What is drawn. */
  get(): State;
  /** What will be drawn next. */
  latest(): State;
  send(event: Event): void;
  subscribe(listener: () => void): () => void;
}

export function createStore(first: State, perform: (effect: Effect) => void): Store {
  let state = first;
  let shown = first;
  let due = Number.POSITIVE_INFINITY;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const listeners = new Set<() => void>();
  const draw = () => {
    timer = undefined;
    due = Number.POSITIVE_INFINITY;
    drawn = performance.now();
    shown = state;
    for (const listener of listeners) listener();
  };
  const drawBy = (time: number) => {
    if (time >= due) return;
    due = time;
    clearTimeout(timer);
    timer = setTimeout(draw, Math.max(0, time - performance.now()));
  };
  return {
    get: () => shown,
    latest: () => state,
    send(event) {
      const [next, ...effects] = update(state, event);
      if (next !== state) {
        state = next;
        const now = performance.now();
        drawBy(event.type === 'news' || event.type === 'tick' ? Math.max(now + KEY, drawn + NEWS) : now + KEY);
      }
      for (const effect of effects) perform(effect);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
