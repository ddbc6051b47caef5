import { type Line, padStart } from '../../line.js';
import { short, value } from '../../numbers.js';
import { nothing, type Scene } from './scene.js';

const NUMBER = 14;

/** The values that are furthest apart. */
export function worst({ detail, news, result, width, height }: Scene): Line[] {
  const found = news.detail;
  if (!found) return nothing('No row of this stage was compared.', width);
  if (found.worst.length === 0) return nothing('No value differs.', width);
  const perHead = found.heads !== null ? (result?.shape[1] ?? 0) / found.heads : null;
  const top = Math.max(0, Math.min(detail.scroll, found.worst.length - (height - 1)));
  return [
    [
      [
        `${padStart('token', 7)} ${padStart('index', 8)} ${perHead ? padStart('head', 6) : ''} ${padStart('candidate', NUMBER)} ${padStart('reference', NUMBER)} ${padStart('delta', NUMBER)}`,
        'dim',
      ],
    ],
    ...found.worst.slice(top, top + height - 1).map(({ token, index, candidate, reference }): Line => {
      const head = perHead ? padStart(String(Math.floor(index / perHead)), 6) : '';
      const delta = candidate - reference;
      return [
        [
          `${padStart(String(token), 7)} ${padStart(String(index), 8)} ${head} ${padStart(value(candidate), NUMBER)} ${padStart(value(reference), NUMBER)} `,
        ],
        [padStart(short(delta), NUMBER), ...(result?.verdict === 'agree' ? [] : (['vermillion'] as const))],
      ];
    }),
  ];
}
