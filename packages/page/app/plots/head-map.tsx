import { cell, type PlotOptions, text } from '@observablehq/plot';
import { useCallback, useMemo } from 'preact/hooks';
import { count, limitText, short } from '../format.js';
import { shadeOf } from '../states.js';
import { Numbers } from '../views/table.js';
import { PlotFigure } from './figure.js';

interface HeadMapProps {
  readonly tokens: readonly number[];
  readonly heads: number;
  /** (rows, heads) */
  readonly deltas: readonly number[];
  /** What a row's delta may be; a head is held to it for its colour. */
  readonly limit: number;
}

/** How wrong each head is at each token. */
export function HeadMap({ tokens, heads, deltas, limit }: HeadMapProps) {
  const cells = useMemo(
    () =>
      deltas.map((delta, i) => ({
        token: tokens[Math.floor(i / heads)] ?? 0,
        head: i % heads,
        delta,
        isWrong: !(delta <= limit),
        fill: `var(--${delta <= limit ? 'agree' : 'wrong'}${shadeOf(delta / limit)})`,
      })),
    [tokens, heads, deltas, limit],
  );
  const byHead = useMemo(
    () =>
      Array.from({ length: heads }, (_, head) => {
        const own = cells.filter((one) => one.head === head);
        const worst = own.reduce((a, b) => (!(b.delta <= a.delta) ? b : a), own[0] as (typeof own)[number]);
        return { head, wrong: own.filter(({ isWrong }) => isWrong).length, rows: own.length, worst };
      }),
    [cells, heads],
  );
  const draw = useCallback(
    (width: number): PlotOptions => {
      const size = Math.max(7, Math.min(22, 320 / heads));
      const room = (width - 54) / tokens.length;
      const isRoomy = room >= 9 && size >= 9;
      const by = (each: number) => Math.max(1, Math.ceil(14 / each));
      return {
        height: heads * size + 48,
        marginLeft: 42,
        marginBottom: 34,
        padding: room < 6 ? 0 : 0.08,
        x: { label: 'token', ticks: tokens.filter((_, i) => i % by(room) === 0), tickSize: 0 },
        y: {
          label: null,
          ticks: Array.from({ length: heads }, (_, i) => i).filter((i) => i % by(size) === 0),
          tickSize: 0,
        },
        marks: [
          cell(cells, { x: 'token', y: 'head', fill: 'fill' }),
          ...(isRoomy
            ? [
                text(
                  cells.filter(({ isWrong }) => isWrong),
                  { x: 'token', y: 'head', text: () => '×', fill: 'var(--on-wrong)', fontSize: 10 },
                ),
              ]
            : []),
        ],
      };
    },
    [cells, heads, tokens],
  );
  const wrongHeads = byHead.filter(({ wrong }) => wrong > 0);
  const remark =
    wrongHeads.length === 0
      ? `No head is over ${limitText(limit)} at any token.`
      : `${count(wrongHeads.length, 'head')} of ${heads} over ${limitText(limit)} at some token.`;
  return (
    <PlotFigure title="Each head at each token" label={`Delta of each head at each token. ${remark}`} draw={draw}>
      <p class="quiet">{remark} Heads go down, tokens to the right.</p>
      <Numbers label="Numbers by head" columns={['head', '#rows over', '#largest', '#at token']}>
        {byHead.map(({ head, wrong, rows, worst }) => (
          <tr key={head}>
            <th scope="row">{head}</th>
            <td class="number">
              {wrong} of {rows}
            </td>
            <td class="number">≈ {short(worst.delta)}</td>
            <td class="number">{worst.token}</td>
          </tr>
        ))}
      </Numbers>
    </PlotFigure>
  );
}
