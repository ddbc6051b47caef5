import { EXPORTS } from '../../live/protocol.js';
import { fit, type Line, lineWidth, padEnd, tame } from '../line.js';
import type { Overlay, State } from '../state.js';
import { box } from './box.js';
import { LOOKS } from './glyphs.js';

const WRITES = {
  html: 'a page that opens anywhere',
  markdown: 'a comment for a pull request',
  json: 'everything, as one object',
  junit: 'a result for CI, a case per stage',
  csv: 'a row per stage',
  arrow: 'a row per stage, for DuckDB or polars',
} as const;

const KEYS: readonly (readonly [string, string])[] = [
  ['↑ ↓ ← →  h j k l', 'move: stages and layers, or the rows of the table'],
  ['g G  home end', 'first, last'],
  ['ctrl-d ctrl-u', 'half a page; page keys, ctrl-f and ctrl-b a whole one'],
  ['0 $', 'first, last layer'],
  ['tab', 'heat map or table; in a stage, the next view (1 to 8 too)'],
  ['enter', 'open the stage under the cursor'],
  ['n N', 'next, previous fault'],
  ['[ ]', 'one step: the prompt, decoded tokens; a: all of them'],
  ['/', 'filter: name, verdict, l3 or l0-4, >0.5; esc clears it'],
  ['s', 'sort: order, of limit, relative, local, stage'],
  ['t', 'free run, or every stage from the reference’s inputs'],
  ['e', 'export the report'],
  ['← → in a stage', 'another token; { } another head, w to the worst value'],
  ['esc', 'back'],
  ['q  ctrl-c', 'quit; ctrl-z suspends, ctrl-l draws again'],
];

/** What lies over the middle of the screen. */
export function overlayLines(state: State, overlay: Overlay): Line[] {
  switch (overlay.kind) {
    case 'help':
      return help(state, overlay.scroll);
    case 'force':
      return framed(state, 'teacher-forced run', [
        [['Nothing has diverged, so every stage was not run from']],
        [['the reference’s inputs. Run it?']],
        [],
        [
          ['y', 'bold', 'sky'],
          [' run it   ', 'dim'],
          ['esc', 'bold', 'sky'],
          [' back', 'dim'],
        ],
      ]);
    case 'export':
      return framed(state, 'export', [
        ...EXPORTS.map(
          (name, i): Line => [
            [i === overlay.chosen ? '▸ ' : '  ', 'bold'],
            [
              `${i + 1} ${padEnd(name, 10)}`,
              ...(i === overlay.chosen ? (['bold', 'inverse'] as const) : (['bold'] as const)),
            ],
            [` ${WRITES[name]}`, 'dim'],
          ],
        ),
        [],
        [
          ['⏎', 'bold', 'sky'],
          [' choose   ', 'dim'],
          ['esc', 'bold', 'sky'],
          [' back', 'dim'],
        ],
      ]);
    case 'path':
      return framed(state, `export ${overlay.output}`, [
        [
          ['file  ', 'dim'],
          [tame(overlay.path), 'bold'],
          ['▏', 'sky'],
        ],
        [],
        overlay.replace
          ? [
              [`It is there already. `, 'yellow', 'bold'],
              ['y', 'bold', 'sky'],
              [' replace it   ', 'dim'],
              ['n', 'bold', 'sky'],
              [' another name', 'dim'],
            ]
          : [
              ['⏎', 'bold', 'sky'],
              [' write   ', 'dim'],
              ['ctrl-u', 'bold', 'sky'],
              [' clear   ', 'dim'],
              ['esc', 'bold', 'sky'],
              [' back', 'dim'],
            ],
      ]);
  }
}

function help(state: State, scroll: number): Line[] {
  const lines: Line[] = [
    ...KEYS.map(([key, does]): Line => [[padEnd(key, 19), 'bold', 'sky'], [does]]),
    [],
    ...Object.values(LOOKS).map(
      (look): Line => [['  '], [look.glyph, ...look.tones], ['                '], [look.means]],
    ),
    [],
    [['▲ ▼                ', 'bold'], ['worse, better than the run before (--watch)']],
    [['bars               ', 'bold'], ['delta over limit on a log scale; the tick is the limit']],
  ];
  const room = state.size.rows - 4;
  const from = Math.max(0, Math.min(scroll, lines.length - room));
  return framed(state, lines.length > room ? 'help  (↑↓ scroll)' : 'help', lines.slice(from, from + room));
}

function framed({ size }: State, title: string, lines: readonly Line[]): Line[] {
  const inner = Math.min(size.columns - 6, Math.max(44, ...lines.map(lineWidth)));
  const padded = lines.map((line): Line => [[' '], ...fit(line, inner), [' ']]);
  return box(padded, { width: inner + 4, height: lines.length + 2, title: [[title, 'bold']], hasFocus: true });
}
