import { Box, useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import { isWhole, partsOf, wholeScreen } from '../draw/screen.js';
import { scrollEnd } from '../draw/scroll-end.js';
import type { Frame } from '../frame.js';
import { keysOf } from '../keys.js';
import type { Store } from '../store.js';
import { Lines } from './lines.js';

/** The whole screen: it draws the store's state, and hands on what is pressed. */
export function App({ store, frame }: { readonly store: Store; readonly frame: Frame }) {
  const state = useSyncExternalStore(store.subscribe, store.get);
  useInput((input, key) => {
    for (const name of keysOf(input, key)) store.send({ type: 'key', key: name, end: scrollEnd(store.latest()) });
  });
  if (isWhole(state)) return <Lines lines={wholeScreen(state)} frame={frame} />;
  const { columns, rows } = state.size;
  const { header, banner, panels, status, hints } = partsOf(state);
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Lines lines={[header, ...banner]} frame={frame} />
      <Box>
        {panels.map((lines, panel) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: panels never change places
          <Lines key={panel} lines={lines} frame={frame} />
        ))}
      </Box>
      <Lines lines={[status, hints]} frame={frame} />
    </Box>
  );
}
