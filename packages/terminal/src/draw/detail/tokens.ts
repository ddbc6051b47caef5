import { type Line, padStart } from '../../line.js';
import { short } from '../../numbers.js';
import { LIMIT_AT, line, onLogScale } from '../glyphs.js';
import { nothing, type Scene } from './scene.js';

/** A bar for each token: its row's delta over the limit of a row, on a log scale. */
export function tokenBars({ detail, news, result, width, height }: Scene): Line[] {
  const found = news.detail;
  if (!found) return nothing('No row of this stage was compared.', width);
  const most = result?.limits.row ?? result?.limit ?? 0;
  const page = height - 1;
  const top = Math.max(0, Math.min(detail.scroll, found.rows.length - page));
  const room = Math.max(8, width - 24);
  const middle = Math.round(room * LIMIT_AT);
  const lines: Line[] = [
    [
      [
        `${padStart('token', 7)} ${padStart('relative', 9)}  ${' '.repeat(middle)}│ limit of a row: ${short(most)}`,
        'dim',
      ],
    ],
  ];
  for (const [i, delta] of found.rows.slice(top, top + page).entries()) {
    const isWrong = !(delta <= most);
    const filled = line(onLogScale(Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta / most), room).padEnd(room);
    const isShown = news.row?.token === found.tokens[top + i];
    const tone = isWrong ? 'vermillion' : 'blue';
    lines.push([
      [isShown ? '▸' : ' ', 'bold'],
      [
        `${padStart(String(found.tokens[top + i]), 6)} ${padStart(short(delta), 9)}  `,
        ...(isWrong ? (['bold'] as const) : []),
      ],
      [filled.slice(0, middle), tone],
      filled[middle] === ' ' ? ['│', 'dim'] : ['╋', tone],
      [filled.slice(middle + 1), tone],
    ]);
  }
  return lines;
}
