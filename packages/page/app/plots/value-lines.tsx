import { line, type PlotOptions } from '@observablehq/plot';
import { useCallback } from 'preact/hooks';
import { PlotFigure } from './figure.js';

interface ValueLinesProps {
  readonly title: string;
  readonly from: number;
  readonly candidate: Float32Array;
  readonly reference: Float32Array;
}

/** A part of a row on both sides, value by value. */
export function ValueLines({ title, from, candidate, reference }: ValueLinesProps) {
  const draw = useCallback((): PlotOptions => {
    const points = (values: Float32Array) => Array.from(values, (value, i) => ({ index: from + i, value }));
    return {
      height: 170,
      marginLeft: 48,
      marginBottom: 34,
      x: { label: 'index', tickFormat: String },
      y: { grid: true, label: null, ticks: 5 },
      marks: [
        line(points(reference), {
          x: 'index',
          y: 'value',
          stroke: 'var(--reference)',
          strokeWidth: 3.5,
          strokeOpacity: 0.55,
        }),
        line(points(candidate), { x: 'index', y: 'value', stroke: 'var(--candidate)', strokeWidth: 1.5 }),
      ],
    };
  }, [from, candidate, reference]);
  const label = `${title}: both sides as lines over ${candidate.length} indices from ${from}; the table after it has the numbers.`;
  return (
    <PlotFigure title={title} label={label} draw={draw}>
      <ul class="key" aria-hidden="true">
        <li>
          <svg width="22" height="8" aria-hidden="true">
            <path d="M1 4h20" stroke="var(--candidate)" stroke-width="1.5" />
          </svg>
          candidate
        </li>
        <li>
          <svg width="22" height="8" aria-hidden="true">
            <path d="M1 4h20" stroke="var(--reference)" stroke-width="4" stroke-opacity="0.55" />
          </svg>
          reference
        </li>
      </ul>
    </PlotFigure>
  );
}
