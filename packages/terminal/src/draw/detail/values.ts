import { firstShown } from '../../layout.js';
import { type Line, padStart, type Segment } from '../../line.js';
import { short, value } from '../../numbers.js';
import { bar } from '../glyphs.js';
import { NOT_KEPT, nothing, type Scene } from './scene.js';

const NUMBER = 14;
const BAR = 24;

/** One row's values on both sides, index by index. */
export function values({ detail, news, result, width, height }: Scene): Line[] {
  const { row } = news;
  if (!row) return nothing(NOT_KEPT, width);
  const { candidate, reference, token } = row;
  const count = reference.length;
  const heads = news.detail?.heads ?? null;
  const perHead = heads !== null && count % heads === 0 ? count / heads : null;
  const page = height - 2;
  const chosen = Math.min(detail.scroll, count - 1);
  const top = firstShown(chosen, count, page);
  const scale = (result?.limit ?? 0) * (result?.referenceRms ?? 0); // what a value of ordinary size may be off by
  const hasBar = width >= 10 + 3 * (NUMBER + 1) + BAR;
  const lines: Line[] = [
    [
      [`token ${token}`, 'bold'],
      [
        ` · row ${row.index + 1} of ${result?.shape[0] ?? '?'} · ${count} values${perHead ? ` · ${heads} heads of ${perHead}` : ''} · w: to the worst value`,
        'dim',
      ],
    ],
    [
      [
        `${padStart('index', 8)} ${padStart('candidate', NUMBER)} ${padStart('reference', NUMBER)} ${padStart('delta', NUMBER)}`,
        'dim',
      ],
      [hasBar ? '  |Δ|, a decade a mark' : '', 'dim'],
    ],
  ];
  for (let i = top; i < Math.min(count, top + page); i++) {
    const a = candidate[i] as number;
    const b = reference[i] as number;
    const delta = a - b;
    const isSame = a === b || (Number.isNaN(a) && Number.isNaN(b));
    const isWrong = !isSame && !(Math.abs(delta) <= scale);
    const isHidden = Number.isNaN(b);
    const name = perHead ? `${Math.floor(i / perHead)}:${i % perHead}` : String(i);
    const tones = isHidden ? (['dim'] as const) : isWrong ? (['vermillion'] as const) : [];
    const facts: Segment = [
      `${padStart(name, 7)} ${padStart(value(a), NUMBER)} ${padStart(isHidden ? 'hidden' : value(b), NUMBER)} ${padStart(isHidden ? '' : short(delta), NUMBER)}`,
      ...(i === chosen ? (['bold'] as const) : []),
      ...tones,
    ];
    lines.push([
      [i === chosen ? '▸' : ' ', 'bold'],
      facts,
      ['  '],
      ...(hasBar && !isHidden ? [deltaBar(delta, scale, isWrong)] : []),
    ]);
  }
  return lines;
}

const DECADES = 6;

/** |Δ| on a log scale; the middle is the most that it may be. */
function deltaBar(delta: number, scale: number, isWrong: boolean): Segment {
  const size = Math.abs(delta);
  if (size === 0 || scale === 0) return [''];
  const share = Number.isFinite(size) ? (Math.log10(size / scale) + DECADES / 2) / DECADES : 1;
  return [bar(share, BAR), isWrong ? 'vermillion' : 'blue'];
}
