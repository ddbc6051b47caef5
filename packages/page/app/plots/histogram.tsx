import { type PlotOptions, rectY, ruleX, ruleY } from '@observablehq/plot';
import { useCallback, useMemo } from 'preact/hooks';
import type { PageHistogram } from '../../src/data.js';
import { count, limitText, short } from '../format.js';
import { PlotFigure } from './figure.js';
import { decades, power } from './scale.js';

interface HistogramProps {
  readonly histogram: PageHistogram;
  /** What |Δ| of a single value may be. */
  readonly limit: number;
}

/** How many values have which |Δ|. */
export function DeltaHistogram({ histogram, limit }: HistogramProps) {
  const { zeros, nonFinite, exponent, counts } = histogram;
  const bins = useMemo(
    () => counts.map((n, i) => ({ n, from: 2 ** (exponent + i), to: 2 ** (exponent + i + 1) })),
    [counts, exponent],
  );
  const draw = useCallback((): PlotOptions => {
    const edge = Number.isFinite(limit) ? limit : (bins[0]?.from ?? 1);
    const low = 10 ** Math.floor(Math.log10(Math.min(bins[0]?.from ?? edge, edge)));
    const high = 10 ** Math.ceil(Math.log10(Math.max(bins.at(-1)?.to ?? edge, edge)));
    return {
      height: 150,
      marginLeft: 48,
      marginBottom: 34,
      x: {
        type: 'log',
        domain: [low, high],
        label: '|Δ| of a value',
        ticks: decades([low, high], 8),
        tickFormat: power,
      },
      y: { label: null, grid: true, ticks: 4 },
      marks: [
        rectY(bins, {
          x1: 'from',
          x2: 'to',
          y: 'n',
          insetLeft: 0.5,
          insetRight: 0.5,
          fill: ({ from }) => (from > limit ? 'var(--wrong)' : 'var(--right)'),
        }),
        ...(Number.isFinite(limit)
          ? [ruleX([limit], { stroke: 'var(--limit)', strokeWidth: 1.5, strokeDasharray: '6 4' })]
          : []),
        ruleY([0], { stroke: 'var(--rule)' }),
      ],
    };
  }, [bins, limit]);
  const peak = bins.reduce((a, b) => (b.n > a.n ? b : a), bins[0] ?? { n: 0, from: 0, to: 0 });
  const rest = [
    zeros > 0 ? `${count(zeros, 'value')} the same on both sides, or hidden` : '',
    nonFinite > 0 ? `${count(nonFinite, 'value')} not finite on one side` : '',
  ].filter((part) => part !== '');
  const remark = `Most values, ${peak.n.toLocaleString('en')}, lie between ${short(peak.from)} and ${short(peak.to)}${Number.isFinite(limit) ? `; a single value may be off by ${limitText(limit)} (dashed)` : ''}.${rest.length > 0 ? ` Apart from these: ${rest.join(', ')}.` : ''}`;
  if (bins.length === 0) return <p class="quiet">{rest.join(', ')}.</p>;
  return (
    <PlotFigure title="How large the deltas are" label={`Histogram of the deltas. ${remark}`} draw={draw}>
      <p class="quiet">{remark}</p>
    </PlotFigure>
  );
}
