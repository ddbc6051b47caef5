import { type Line, padStart, type Segment } from '../../line.js';
import { short } from '../../numbers.js';
import { cellText, LOOKS, type Look } from '../glyphs.js';
import { nothing, type Scene } from './scene.js';

/** A strip for each token, a cell for each head, coloured as in the heat map. */
export function headStrip({ detail, news, result, width, height }: Scene): Line[] {
  const found = news.detail;
  if (!found) return nothing('No row of this stage was compared.', width);
  const { heads, headRows, tokens } = found;
  if (heads === null || headRows === null) return nothing('The rows of this stage are not divided into heads.', width);
  const most = result?.limits.row ?? result?.limit ?? 0;
  const cell = Math.max(1, Math.min(4, Math.floor((width - 20) / heads)));
  const page = height - 1;
  const top = Math.max(0, Math.min(detail.scroll, tokens.length - page));
  const numbers = Array.from({ length: heads }, (_, head) => (head % (cell < 3 ? 4 : 1) === 0 ? String(head) : ''));
  const names = numbers.map((name) => name.slice(0, cell < 3 ? cell * 4 : cell).padEnd(cell < 3 ? 0 : cell));
  const lines: Line[] = [
    [
      [`${padStart('token', 7)}  `, 'dim'],
      ...(cell < 3
        ? names.filter((_, head) => head % 4 === 0).map((name): Segment => [name.padEnd(cell * 4), 'dim'])
        : names.map((name): Segment => [name, 'dim'])),
      ['  worst head', 'dim'],
    ],
  ];
  for (let i = top; i < Math.min(tokens.length, top + page); i++) {
    const row = headRows.slice(i * heads, (i + 1) * heads);
    const worst = row.reduce((a, delta, head) => (delta > (row[a] as number) || Number.isNaN(delta) ? head : a), 0);
    const isShown = news.row?.token === tokens[i];
    lines.push([
      [isShown ? '▸' : ' ', 'bold'],
      [`${padStart(String(tokens[i]), 6)}  `],
      ...row.map((delta): Segment => {
        const look = lookOfShare(delta / most);
        return [cellText(look, cell), ...look.tones];
      }),
      [`  ${worst}: ${short(row[worst] ?? 0)}`, 'dim'],
    ]);
  }
  return lines;
}

function lookOfShare(share: number): Look {
  if (share < 0.1) return LOOKS.far;
  if (share < 0.5) return LOOKS.middling;
  return share <= 1 ? LOOKS.near : LOOKS.over;
}
