import { tame } from '@llama-probe/report';
import type { Tone } from './tones.js';

/** A piece of a line, all of it drawn alike. */
export type Segment = readonly [text: string, ...tones: Tone[]];
export type Line = readonly Segment[];

const PLAIN = /^[\x20-\x7e]*$/;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /[\p{M}\u200b-\u200f\u2060\ufeff]/u;

/** How many columns a character takes. */
function columns(character: string): number {
  if (tame(character) !== character) return 1; // it is shown as a dot
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** How many columns a text takes. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let sum = 0;
  for (const character of text) sum += columns(character);
  return sum;
}

export const lineWidth = (line: Line): number => line.reduce((sum, [text]) => sum + width(text), 0);

export { tame };

/** Its beginning, with … where it is cut. */
export function cut(text: string, most: number): string {
  if (width(text) <= most) return text;
  if (most <= 0) return '';
  let shown = '';
  let left = most - 1;
  for (const character of text) {
    left -= columns(character);
    if (left < 0) break;
    shown += character;
  }
  return `${shown}…`;
}

export const padEnd = (text: string, to: number): string => text + ' '.repeat(Math.max(0, to - width(text)));
export const padStart = (text: string, to: number): string => ' '.repeat(Math.max(0, to - width(text))) + text;

/** Exactly so many columns of a line. */
export function fit(line: Line, to: number): Line {
  const fitted: Segment[] = [];
  let left = to;
  for (const [text, ...tones] of line) {
    if (left <= 0) break;
    const shown = cut(text, left);
    left -= width(shown);
    fitted.push([shown, ...tones]);
    if (shown !== text) break;
  }
  if (left > 0) fitted.push([' '.repeat(left)]);
  return fitted;
}

/** Exactly so many columns of a line, for something else to begin there. */
export function take(line: Line, to: number): Line {
  const taken: Segment[] = [];
  let left = to;
  for (const [text, ...tones] of line) {
    let shown = '';
    for (const character of text) {
      const wide = columns(character);
      if (wide > left) {
        left = 0;
        break;
      }
      shown += character;
      left -= wide;
    }
    taken.push([shown, ...tones]);
    if (left <= 0) break;
  }
  return fit(taken, to);
}

/** What is left of a line beyond so many columns. */
export function skip(line: Line, by: number): Line {
  const left: Segment[] = [];
  let before = by;
  for (const [text, ...tones] of line) {
    const wide = width(text);
    if (before >= wide) before -= wide;
    else {
      left.push([before > 0 ? beyond(text, before) : text, ...tones]);
      before = 0;
    }
  }
  return left;
}

function beyond(text: string, before: number): string {
  let past = 0;
  let index = 0;
  for (const character of text) {
    if (past >= before) break;
    past += columns(character);
    index += character.length;
  }
  return ' '.repeat(past - before) + text.slice(index); // half of a wide character is a blank
}

/** Two lines beside each other, with what is right at the right edge; the left one gives way. */
export function spread(left: Line, right: Line, to: number): Line {
  const wide = lineWidth(right);
  return wide >= to ? fit(right, to) : [...fit(left, to - wide), ...right];
}

/** A text as lines of at most so many columns, broken between words. */
export function wrap(text: string, to: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (width(longer) <= to) line = longer;
    else {
      if (line !== '') lines.push(line);
      line = cut(word, to);
    }
  }
  return line === '' ? lines : [...lines, line];
}
