import { BACKGROUND } from './colors.js';
import { type Glyph, glyphOf } from './glyphs.js';
import type { Look, Run, Screen } from './screen.js';
import { fillOf, patternsOf } from './shades.js';

export interface About {
  /** What was typed, in the window's bar. */
  readonly command: string;
  readonly title: string;
  readonly description: string;
}

const CELL = { width: 8.4, height: 18 };
const FONT = { size: 14, baseline: 13.5 };
const BAR = 34; // the window's, above the screen
const PADDING = 12;

/** A screen as a window of a terminal. It names common fonts only, and holds each text to its columns. */
export function screenSvg({ columns, rows }: Screen, { command, title, description }: About): string {
  const width = Math.ceil(columns * CELL.width + 2 * PADDING);
  const height = rows.length * CELL.height + BAR + PADDING;
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, i) => `<circle cx="${20 + 18 * i}" cy="17" r="5.5" fill="${fill}"/>`,
  );
  const drawing = rows.flatMap((runs, row) => runs.flatMap((run) => drawRun(run, row * CELL.height)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    `<style>text{font:${FONT.size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}.b{font-weight:bold}.d{opacity:.65}</style>`,
    '<defs>',
    ...patternsOf(drawing.join('')),
    '</defs>',
    `<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="9" fill="${BACKGROUND}" stroke="#484f58"/>`,
    ...dots,
    `<text x="84" y="22" fill="#8b949e">$ ${escaped(command)}</text>`,
    `<g transform="translate(${PADDING} ${BAR})">`,
    ...drawing,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function drawRun({ column, columns, text, look }: Run, y: number): string[] {
  const paper = look.paper === null ? [] : [rect(column, columns, y, `fill="${look.paper}"`)];
  return [...paper, ...pieces(text).flatMap(([at, piece]) => drawPiece(column + at, piece, look, y))];
}

/** Text, and what is drawn as a shape: fonts differ in whether those join. Each with its column. */
function pieces(text: string): [number, string][] {
  const found: [number, string][] = [];
  for (const [at, char] of [...text].entries()) {
    const last = found.at(-1);
    const joins = last && glyphOf(last[1]) === glyphOf(char);
    if (last && joins) last[1] += char;
    else found.push([at, char]);
  }
  return found;
}

function drawPiece(column: number, piece: string, look: Look, y: number): string[] {
  const glyph = glyphOf(piece);
  const count = [...piece].length;
  const dim = look.dim ? ' class="d"' : '';
  if (glyph) return [drawGlyph(glyph, column, count, look, y, dim)];
  const start = piece.length - piece.trimStart().length;
  const shown = piece.trim();
  if (shown === '') return [];
  const classes = [look.bold ? 'b' : '', look.dim ? 'd' : ''].filter(Boolean).join(' ');
  const attributes = [
    `x="${round((column + start) * CELL.width)}"`,
    `y="${round(y + FONT.baseline)}"`,
    `textLength="${round([...shown].length * CELL.width)}"`,
    `fill="${look.ink}"`,
    ...(classes ? [`class="${classes}"`] : []),
  ];
  return [`<text ${attributes.join(' ')}>${escaped(shown)}</text>`];
}

function drawGlyph(glyph: Glyph, column: number, count: number, { ink }: Look, y: number, dim: string): string {
  if ('shade' in glyph) return rect(column, count, y + 1, `fill="${fillOf(glyph.shade, ink)}"${dim}`, CELL.height - 2);
  const [w, h] = [CELL.width, CELL.height];
  const paths = Array.from({ length: count }, (_, i) => glyph.path(round((column + i) * w), y, w, h));
  return `<path d="${paths.join('')}" fill="none" stroke="${ink}"${dim}/>`;
}

const rect = (column: number, columns: number, y: number, look: string, height = CELL.height): string =>
  `<rect x="${round(column * CELL.width)}" y="${y}" width="${round(columns * CELL.width)}" height="${height}" ${look}/>`;

const round = (value: number): number => Number(value.toFixed(2));

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
