import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
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

/** The numbers of the lines. What inherits from the same fault, one after another, is folded. */
export function DeltaNumbers({ of, points }: { of: string; points: readonly DeltaPoint[] }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const toggle = (x: number) =>
    setOpen((now) => new Set(now.has(x) ? [...now].filter((one) => one !== x) : [...now, x]));
  return (
    <Numbers label={`Numbers by ${of}`} columns={[of, '#delta', '#floor', '#limit']}>
      {foldsOf(points).map(({ from, rows }) => {
        const [first] = rows as [DeltaPoint];
        if (from === undefined || rows.length === 1) return rows.map((point) => <Row key={point.x} point={point} />);
        const isOpen = open.has(first.x);
        return (
          <Fragment key={first.x}>
            <tr>
              <th scope="row" colSpan={4}>
                <button type="button" class="link fold" aria-expanded={isOpen} onClick={() => toggle(first.x)}>
                  ↳ {rows.length} stages inherit from {from}
                </button>
              </th>
            </tr>
            {rows.map((point) => (
              <Row key={point.x} point={point} isFolded={!isOpen} />
            ))}
          </Fragment>
        );
      })}
    </Numbers>
  );
}

/** @param isFolded on paper it is there all the same */
function Row({ point, isFolded = false }: { point: DeltaPoint; isFolded?: boolean }) {
  const { name, delta, floor, limit, isWrong } = point;
  return (
    <tr class={isFolded ? 'folded' : ''}>
      <th scope="row">{name}</th>
      <td class="number">
        {isWrong ? '✗ ' : ''}
        {short(delta)}
      </td>
      <td class="number">{floor < 0 ? '' : short(floor)}</td>
      <td class="number">{limitText(limit)}</td>
    </tr>
  );
}

interface Fold {
  readonly from: string | undefined;
  readonly rows: DeltaPoint[];
}

/** Neighbours that inherit from the same fault. */
function foldsOf(points: readonly DeltaPoint[]): Fold[] {
  const folds: Fold[] = [];
  for (const point of points) {
    const last = folds.at(-1);
    if (last && last.from === point.inherits) last.rows.push(point);
    else folds.push({ from: point.inherits, rows: [point] });
  }
  return folds;
}
