import { Box, Text, Transform } from 'ink';
import { useState } from 'react';
import type { Frame } from '../frame.js';
import { type Line, lineWidth } from '../line.js';

/**
 * Lines that are drawn already. Ink lays out blanks of their size, with a mark where each begins; the frame puts the lines in place of
 * the marks. Ink would take every line apart into styled characters, and remember every text that it has ever measured.
 */
export function Lines({ lines, frame }: { readonly lines: readonly Line[]; readonly frame: Frame }) {
  const [marks] = useState(() => frame.reserve());
  const width = Math.max(1, ...lines.map(lineWidth));
  const blank = Array(Math.max(1, lines.length)).fill(' '.repeat(width)).join('\n');
  return (
    <Box flexShrink={0} width={width} height={Math.max(1, lines.length)}>
      <Transform transform={(_, index) => frame.mark(marks + index, lines[index] ?? [])}>
        <Text>{blank}</Text>
      </Transform>
    </Box>
  );
}
