import { limitText, short } from '../format.js';
import { Numbers } from '../views/table.js';
import type { DeltaPoint } from './delta-point.js';

/** What the lines are. */
export function Key({ hasFloor, hasWrong }: { hasFloor: boolean; hasWrong: boolean }) {
  const lines = [
    ['delta', 'delta', ''],
    ...(hasWrong ? [['wrong', 'over the limit', '']] : []),
    ['limit', 'limit', '6 4'],
    ...(hasFloor ? [['floor', 'floor', '1 3']] : []),
  ] as const;
  return (
    <ul class="key" aria-hidden="true">
      {lines.map(([color, words, dashes]) => (
        <li key={words}>
          <svg width="22" height="8" aria-hidden="true">
            {color === 'wrong' ? (
              <path d="M8 1l6 6m0-6l-6 6" stroke="var(--wrong)" stroke-width="2" />
            ) : (
              <path
                d="M1 4h20"
                stroke={`var(--${color})`}
                stroke-width="2"
                stroke-dasharray={dashes}
                stroke-linecap="round"
              />
            )}
          </svg>
          {words}
        </li>
      ))}
    </ul>
  );
}

/** The numbers of the lines. */
export function DeltaNumbers({ of, points }: { of: string; points: readonly DeltaPoint[] }) {
  return (
    <Numbers label={`Numbers by ${of}`} columns={[of, '#delta', '#floor', '#limit']}>
      {points.map(({ x, name, delta, floor, limit, isWrong }) => (
        <tr key={x}>
          <th scope="row">{name}</th>
          <td class="number">
            {isWrong ? '✗ ' : ''}
            {short(delta)}
          </td>
          <td class="number">{floor < 0 ? '' : short(floor)}</td>
          <td class="number">{limitText(limit)}</td>
        </tr>
      ))}
    </Numbers>
  );
}
