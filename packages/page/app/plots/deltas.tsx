import { dot, line, type PlotOptions, ruleX } from '@observablehq/plot';
import { useCallback, useMemo } from 'preact/hooks';
import { limitText, short } from '../format.js';
import { DeltaNumbers, Key } from './delta-numbers.js';
import type { DeltaPoint } from './delta-point.js';
import { PlotFigure } from './figure.js';
import { decades, deltaScale, power } from './scale.js';

interface DeltaPlotProps {
  readonly title: string;
  readonly points: readonly DeltaPoint[];
  /** What x is: `layer`. */
  readonly of: string;
  /** The x that is marked. */
  readonly mark?: number | undefined;
  readonly height?: number;
  /** Where a tick on the x axis stands; whole numbers without it. */
  readonly ticks?: readonly number[];
  readonly tickText?: (x: number) => string;
  /** Whether a table gives the numbers too; not if another table has them already. */
  readonly withTable?: boolean;
}

/** Delta, floor and limit as three lines on a logarithmic axis; what is over its limit is a cross. */
export function DeltaPlot(props: DeltaPlotProps) {
  const { title, points, of, mark, height = 190, ticks, tickText, withTable = true } = props;
  const scale = useMemo(() => deltaScale(points.flatMap(({ delta, floor, limit }) => [delta, floor, limit])), [points]);
  const draw = useCallback(
    (width: number): PlotOptions => {
      const xs = points.map(({ x }) => x);
      const isDense = points.length > width / 7;
      const y = (value: (point: DeltaPoint) => number) => (point: DeltaPoint) => scale.at(value(point));
      const measured = points.filter(({ floor }) => floor >= 0);
      return {
        height,
        marginLeft: 42,
        marginBottom: 34,
        x: {
          label: of,
          domain: [Math.min(...xs), Math.max(...xs)],
          ticks: [...(ticks ?? wholeTicks(xs, width))],
          tickFormat: (x: number) => (tickText ? tickText(x) : String(x)),
          insetLeft: 8,
          insetRight: 8,
        },
        y: {
          type: 'log',
          domain: [...scale.domain],
          grid: true,
          label: null,
          ticks: decades(scale.domain, 6),
          tickFormat: power,
        },
        marks: [
          ...(mark === undefined ? [] : [ruleX([mark], { stroke: 'var(--mark)', strokeWidth: isDense ? 2 : 10 })]),
          line(measured, {
            x: 'x',
            y: y(({ floor }) => floor),
            stroke: 'var(--floor)',
            strokeWidth: 1.5,
            strokeDasharray: '1 3',
            strokeLinecap: 'round',
          }),
          line(points, {
            x: 'x',
            y: y(({ limit }) => limit),
            stroke: 'var(--limit)',
            strokeWidth: 1.5,
            strokeDasharray: '6 4',
          }),
          line(points, {
            x: 'x',
            y: y(({ delta }) => delta),
            stroke: 'var(--delta)',
            strokeWidth: isDense ? 1.25 : 1.75,
          }),
          dot(
            points.filter(({ isWrong }) => !isWrong),
            { x: 'x', y: y(({ delta }) => delta), r: isDense ? 1.2 : 2.6, fill: 'var(--delta)' },
          ),
          dot(
            points.filter(({ isWrong }) => isWrong),
            {
              x: 'x',
              y: y(({ delta }) => delta),
              r: isDense ? 2 : 3.6,
              symbol: 'times',
              stroke: 'var(--wrong)',
              strokeWidth: isDense ? 1.2 : 2,
            },
          ),
        ],
      };
    },
    [points, scale, of, mark, height, ticks, tickText],
  );
  return (
    <PlotFigure title={title} label={summary(title, points)} draw={draw}>
      <Key hasFloor={points.some(({ floor }) => floor >= 0)} hasWrong={points.some(({ isWrong }) => isWrong)} />
      {withTable && <DeltaNumbers of={of} points={points} />}
    </PlotFigure>
  );
}

/** Whole numbers, as many as fit. */
function wholeTicks(xs: readonly number[], width: number): number[] {
  const by = Math.max(1, Math.ceil((xs.length * 22) / Math.max(width - 54, 1)));
  return xs.filter((_, i) => i % by === 0);
}

function summary(title: string, points: readonly DeltaPoint[]): string {
  const wrong = points.filter(({ isWrong }) => isWrong);
  const largest = points.reduce((a, b) => (b.delta > a.delta ? b : a), points[0] as DeltaPoint);
  const over =
    wrong.length === 0
      ? 'none is over its limit'
      : `${wrong.length} of ${points.length} are over their limit, the first at ${wrong[0]?.name}`;
  return `${title}: the largest delta is ${short(largest.delta)} at ${largest.name}, limit ${limitText(largest.limit)}; ${over}.`;
}
