import { type PlotOptions, rectY, ruleY } from '@observablehq/plot';
import { useCallback, useMemo } from 'preact/hooks';
import { count, limitText, ranges, short } from '../format.js';
import { Numbers } from '../views/table.js';
import { PlotFigure } from './figure.js';
import { decades, deltaScale, power } from './scale.js';

interface TokenBarsProps {
  readonly tokens: readonly number[];
  readonly rows: Float32Array;
  /** What a row's delta may be. */
  readonly limit: number;
  /** The token ids of the prompt, for the table of numbers. */
  readonly ids: readonly number[];
}

/** How wrong each row is. */
export function TokenBars({ tokens, rows, limit, ids }: TokenBarsProps) {
  const bars = useMemo(() => tokens.map((token, i) => ({ token, rel: rows[i] ?? Number.NaN })), [tokens, rows]);
  const wrong = bars.filter(({ rel }) => !(rel <= limit));
  const worst = bars.reduce((a, b) => (!(b.rel <= a.rel) ? b : a), bars[0] ?? { token: 0, rel: 0 });
  const draw = useCallback(
    (width: number): PlotOptions => {
      const scale = deltaScale([...bars.map(({ rel }) => rel), limit]);
      const half = bars.length > 100 ? 0.5 : 0.38;
      const by = Math.max(1, Math.ceil((bars.length * 22) / Math.max(width - 54, 1)));
      return {
        height: 150,
        marginLeft: 42,
        marginBottom: 34,
        x: { label: 'token', ticks: bars.filter((_, i) => i % by === 0).map(({ token }) => token), tickFormat: String },
        y: {
          type: 'log',
          domain: [...scale.domain],
          grid: true,
          label: null,
          ticks: decades(scale.domain, 5),
          tickFormat: power,
        },
        marks: [
          rectY(bars, {
            x1: ({ token }) => token - half,
            x2: ({ token }) => token + half,
            y1: scale.domain[0],
            y2: ({ rel }) => scale.at(rel),
            fill: ({ rel }) => (rel <= limit ? 'var(--right)' : 'var(--wrong)'),
          }),
          ruleY([limit], { stroke: 'var(--limit)', strokeWidth: 1.5, strokeDasharray: '6 4' }),
        ],
      };
    },
    [bars, limit],
  );
  const label = `Delta of each token's row: ${wrong.length} of ${bars.length} over the limit of a row, ${limitText(limit)}; the largest is ${short(worst.rel)} at token ${worst.token}.`;
  return (
    <PlotFigure title="Each token's row" label={label} draw={draw}>
      <p class="quiet">
        {wrong.length === 0
          ? `No row is over the limit of a row, ${limitText(limit)} (dashed); the largest is ${short(worst.rel)} at token ${worst.token}.`
          : `Over the limit of a row, ${limitText(limit)} (dashed): ${count(wrong.length, 'row')} of ${bars.length}, tokens ${ranges(wrong.map(({ token }) => token))}.`}
      </p>
      <Numbers label="Numbers by token" columns={['token', '#id', '#relative delta']}>
        {bars.map(({ token, rel }) => (
          <tr key={token}>
            <th scope="row">{token}</th>
            <td class="number">{ids[token] ?? ''}</td>
            <td class="number">
              {rel <= limit ? '' : '✗ '}
              {short(rel)}
            </td>
          </tr>
        ))}
      </Numbers>
    </PlotFigure>
  );
}
