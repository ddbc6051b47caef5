import { type Line, padStart } from '../../line.js';
import { short } from '../../numbers.js';
import { bar } from '../glyphs.js';
import { nothing, type Scene } from './scene.js';

/** How many values have which |Δ|, by powers of two; the largest on top. */
export function histogram({ detail, news, result, width, height }: Scene): Line[] {
  const found = news.detail;
  if (!found) return nothing('No row of this stage was compared.', width);
  const { zeros, nonFinite, exponent, counts } = found.histogram;
  const most = Math.max(...counts, 1);
  const room = Math.max(8, width - 30);
  const wrongFrom = (result?.limit ?? Number.POSITIVE_INFINITY) * (result?.referenceRms ?? 0);
  const lines: Line[] = [
    [
      [`${zeros} the same, bit for bit`, zeros > 0 ? 'blue' : 'dim'],
      [nonFinite > 0 ? ` · ${nonFinite} not finite on one side` : '', 'vermillion', 'bold'],
      [` · coloured: more than the limit of the stage’s RMS`, 'dim'],
    ],
    [[`${padStart('|Δ| from', 10)} ${padStart('values', 9)}`, 'dim']],
  ];
  const page = height - 2;
  const top = Math.max(0, Math.min(detail.scroll, counts.length - page));
  const bins = counts.map((count, i) => ({ count, from: 2 ** (exponent + i) })).reverse();
  for (const { count, from } of bins.slice(Math.max(0, top), Math.max(0, top) + page)) {
    const tone = from > wrongFrom ? 'vermillion' : 'blue';
    lines.push([
      [`${padStart(short(from), 10)} ${padStart(count === 0 ? '' : String(count), 9)}  `],
      [bar(Math.max(count / most, count > 0 ? 0.01 : 0), room), tone],
    ]);
  }
  return lines;
}
