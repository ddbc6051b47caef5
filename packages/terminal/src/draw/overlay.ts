import { nameOf, sureness } from '@llama-probe/report';
import { EXPORTS, OUTPUTS } from '@llama-probe/report/outputs';
import { fit, type Line, lineWidth, padEnd, type Segment, tame, wrap } from '../line.js';
import { causesOf, remarksOf } from '../remarks.js';
import type { Overlay, State } from '../state.js';
import type { Tone } from '../tones.js';
import { meaningOf } from '../words.js';
import { doesNow } from './bottom.js';
import { box } from './box.js';
import { LOOKS } from './glyphs.js';

interface HelpedKey {
  readonly key: string;
  readonly does: string;
  /** As the last line of the screen names it: if it does nothing there, it is left out here as well. */
  readonly hint?: string;
}

const IN_MAIN: readonly HelpedKey[] = [
  { key: '↑ ↓ ← →  h j k l', does: 'move: stages and layers, or the rows of the table' },
  { key: 'g G  home end', does: 'first, last' },
  { key: 'ctrl-d ctrl-u', does: 'half a page; page keys, ctrl-f and ctrl-b a whole one' },
  { key: '0 $', does: 'first, last layer', hint: '0 $' },
  { key: 'tab', does: 'heat map or table' },
  { key: 'enter', does: 'open the stage under the cursor', hint: '⏎' },
  { key: 'n N', does: 'next, previous fault', hint: 'n' },
  { key: '[ ]', does: 'one step: the prompt, decoded tokens; a: all of them', hint: '[ ]' },
  { key: '/', does: 'filter: name, verdict, l3 or l0-4, >0.5; esc clears it', hint: '/' },
  { key: 's', does: 'sort: order, of limit, relative, local, stage', hint: 's' },
  { key: 't', does: 'free run, or blame: every stage from the reference’s inputs', hint: 't' },
  { key: 'e', does: 'export the report', hint: 'e' },
  { key: 'i', does: 'every cause with its remedy, and what there is to know besides', hint: 'i' },
  { key: 'f', does: 'fold what inherits into one row, or unfold it', hint: 'f' },
];

const IN_DETAIL: readonly HelpedKey[] = [
  { key: 'tab  1 to 8', does: 'the next view, or that one' },
  { key: '↑ ↓  g G', does: 'scroll; to the beginning, to the end' },
  { key: 'ctrl-d ctrl-u', does: 'half a page; page keys, ctrl-f and ctrl-b a whole one' },
  { key: '← →', does: 'another token', hint: '←→' },
  { key: '{ }', does: 'another head', hint: '{ }' },
  { key: 'w', does: 'the worst value, among the others of its row', hint: 'w' },
  { key: 'n N', does: 'next, previous fault', hint: 'n' },
  { key: '[ ]', does: 'the step before, and after', hint: '[ ]' },
  { key: 'e', does: 'export the report', hint: 'e' },
  { key: 'esc', does: 'back' },
];

const ANYWHERE: readonly HelpedKey[] = [
  { key: '?', does: 'what a word on the screen means; once more: these keys' },
  { key: 'q  ctrl-c', does: 'quit; ctrl-z suspends, ctrl-l draws again' },
];

/** What lies over the middle of the screen. */
export function overlayLines(state: State, overlay: Overlay): Line[] {
  switch (overlay.kind) {
    case 'help':
      return scrolling(state, 'help', helpLines(state), overlay.scroll);
    case 'word':
      return framed(state, overlay.word, [
        ...wrap(meaningOf(overlay.word), Math.min(innerOf(state.size), WORD)).map((line): Line => [[line]]),
        [
          ['←→', 'bold', 'sky'],
          [' another word   ', 'dim'],
          ['?', 'bold', 'sky'],
          [' keys   ', 'dim'],
          ['esc', 'bold', 'sky'],
          [' back', 'dim'],
        ],
      ]);
    case 'remarks':
      return scrolling(state, 'what is known', remarkLines(state), overlay.scroll);
    case 'blame':
      return framed(state, 'blame', [
        [['Nothing has diverged, so no stage was run from']],
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
            [` ${OUTPUTS[name].view.what}`, 'dim'],
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
        ...problem(state, overlay.problem),
        overlay.replace
          ? [
              [`It is there already. `, 'bold'],
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

/** How far what lies over the screen may be scrolled. */
export function overlayEnd(state: State, { kind }: Overlay): number {
  const lines = kind === 'help' ? helpLines(state) : kind === 'remarks' ? remarkLines(state) : [];
  return Math.max(0, lines.length - roomOf(state));
}

const KEY = 19; // columns
const WORD = 90; // columns that a sentence is easily read in

function helpLines(state: State): Line[] {
  const { size, watches } = state;
  const about = (head: Segment, text: string): Line[] =>
    wrap(text, innerOf(size) - KEY).map((line, i): Line => [i === 0 ? head : [' '.repeat(KEY)], [line]]);
  return [
    ...[...(state.detail ? IN_DETAIL : IN_MAIN), ...ANYWHERE]
      .filter(({ hint }) => hint === undefined || doesNow(state)[hint] !== false)
      .flatMap(({ key, does }) => about([padEnd(key, KEY), 'bold', 'sky'], does)),
    [],
    ...Object.values(LOOKS).flatMap((look) =>
      wrap(look.means, innerOf(size) - KEY).map(
        (line, i): Line =>
          i === 0 ? [['  '], [look.glyph, ...look.tones], [' '.repeat(KEY - 3)], [line]] : [[' '.repeat(KEY)], [line]],
      ),
    ),
    [],
    ...(watches ? about([padEnd('▲ ▼', KEY), 'bold'], 'worse, better than the run before') : []),
    ...about([padEnd('bars', KEY), 'bold'], 'delta over limit on a log scale; the tick is the limit'),
  ];
}

function remarkLines({ report, size }: State): Line[] {
  if (!report) return [];
  const lines = (text: string, ...tones: Tone[]) =>
    wrap(tame(text), innerOf(size)).map((line): Line => [[line, ...tones]]);
  const causes = causesOf(report).culprits.flatMap((one) => [
    ...lines(nameOf(one), 'bold'),
    ...lines(`where to look: ${one.look}`),
    ...lines(`how sure: ${sureness(one)}`),
    [],
  ]);
  return [...causes, ...remarksOf(report).flatMap((text) => [...lines(text), []])].slice(0, -1);
}

const roomOf = ({ size }: State): number => size.rows - 4;
const innerOf = (size: State['size']): number => size.columns - 6;

function scrolling(state: State, title: string, lines: readonly Line[], scroll: number): Line[] {
  const room = roomOf(state);
  const from = Math.max(0, Math.min(scroll, lines.length - room));
  return framed(state, lines.length > room ? `${title}  (↑↓ scroll)` : title, lines.slice(from, from + room));
}

function problem({ size }: State, text: string | null): Line[] {
  if (text === null) return [];
  const lines = wrap(tame(text), Math.min(innerOf(size), 60)).map((line): Line => [[line, 'vermillion', 'bold']]);
  return [...lines, []];
}

function framed({ size }: State, title: string, lines: readonly Line[]): Line[] {
  const inner = Math.min(innerOf(size), Math.max(44, ...lines.map(lineWidth)));
  const padded = lines.map((line): Line => [[' '], ...fit(line, inner), [' ']]);
  return box(padded, { width: inner + 4, height: lines.length + 2, title: [[title, 'bold']], hasFocus: true });
}
