import { Text, useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import { wholeScreen } from '../draw/screen.js';
import { scrollEnd } from '../draw/scroll-end.js';
import type { Frame } from '../frame.js';
import { keysOf } from '../keys.js';
import type { Store } from '../store.js';

/** The whole screen: it draws the store's state, and hands on what is pressed. */
export function App({ store, frame }: { readonly store: Store; readonly frame: Frame }) {
  const state = useSyncExternalStore(store.subscribe, store.get);
  useInput((input, key) => {
    for (const name of keysOf(input, key)) store.send({ type: 'key', key: name, end: scrollEnd(store.latest()) });
  });
  return <Text>{frame.marksFor(wholeScreen(state))}</Text>;
}
