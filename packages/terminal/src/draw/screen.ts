import { isTooSmall, type Layout, layoutOf, SMALLEST } from '../layout.js';
import { fit, type Line, lineWidth, skip, take } from '../line.js';
import type { State } from '../state.js';
import { banner } from './banner.js';
import { hints, status } from './bottom.js';
import { detailScreen } from './detail/detail.js';
import { header } from './header.js';
import { heatMap } from './heat-map.js';
import { overlayLines } from './overlay.js';
import { table } from './table.js';

/** Shown when nothing else fits. */
export function tooSmall({ size: { columns, rows } }: State): Line[] {
  const lines = [
    'This view wants a terminal',
    `of ${SMALLEST.columns} × ${SMALLEST.rows} or more;`,
    `this one is ${columns} × ${rows}.`,
    'q quits.',
  ];
  return lines.slice(0, rows).map((line) => fit([[line]], columns));
}

/** All lines of the screen. */
export function wholeScreen(state: State): Line[] {
  if (isTooSmall(state.size)) return tooSmall(state);
  const layout = layoutOf(state);
  const body = state.detail ? detailScreen(state, state.detail, layout.body) : mapAndTable(state, layout);
  const lines = [header(state), ...banner(state, layout.banner), ...body, status(state), hints(state)];
  return state.overlay ? under(lines, overlayLines(state, state.overlay), state) : lines;
}

/** Beside each other. */
function mapAndTable(state: State, layout: Layout): Line[] {
  const right = table(state, layout);
  return heatMap(state, layout).map((line, i) => [...line, ...(right[i] ?? [])]);
}

/** Lines with others over their middle; at the bottom, where a word must be seen that is explained. */
function under(lines: readonly Line[], over: readonly Line[], { size: { columns, rows }, overlay }: State): Line[] {
  const width = lineWidth(over[0] ?? []);
  const x = Math.max(0, Math.floor((columns - width) / 2));
  const y = Math.max(0, overlay?.kind === 'word' ? rows - over.length : Math.floor((rows - over.length) / 2));
  return lines.map((line, i) => {
    const above = over[i - y];
    return above ? [...take(line, x), ...above, ...skip(line, x + width)] : line;
  });
}
