import { useMemo } from 'preact/hooks';
import type { Pass } from '../../src/data.js';
import { stepName } from '../format.js';
import { describe, placeOf, type Run, stepOf } from '../model.js';
import { DeltaPlot } from '../plots/deltas.js';
import { pointOf } from './depth.js';

interface WholeRunProps {
  readonly run: Run;
  readonly pass: Pass;
  readonly step: number;
  readonly shown: number;
}

/** Delta, floor and limit of every stage of a step, in the order in which they are computed. */
export function WholeRun({ run, pass, step, shown }: WholeRunProps) {
  const { points, ticks } = useMemo(() => {
    const own = Array.from({ length: run.count }, (_, at) => at).filter((at) => stepOf(run, at) === step);
    const first = new Map<number, number>();
    own.forEach((at, x) => {
      const { layer } = placeOf(run, at);
      if (layer !== null && !first.has(layer)) first.set(layer, x);
    });
    const points = own.map((at, x) => {
      const from = pass === 'free' ? (run.data.stages.inherits[at] ?? -1) : -1;
      const inherits = from < 0 ? undefined : describe(run, from);
      return { ...pointOf(run, at, pass, x, describe(run, at)), inherits };
    });
    return { points, ticks: first };
  }, [run, pass, step]);
  const byLayer = useMemo(() => [...ticks.values()], [ticks]);
  const text = useMemo(() => {
    const layers = new Map([...ticks].map(([layer, x]) => [x, String(layer)]));
    return (x: number) => layers.get(x) ?? '';
  }, [ticks]);
  const offset = run.data.stages.step.indexOf(step);
  return (
    <section class="card" aria-labelledby="whole">
      <h2 id="whole">Every stage in evaluation order, {stepName(step)}</h2>
      <DeltaPlot
        title={
          pass === 'free'
            ? 'Relative delta, floor and limit; ticks where a layer begins'
            : 'Local delta, floor and limit; ticks where a layer begins'
        }
        of="layer"
        points={points}
        mark={shown >= 0 ? shown - offset : undefined}
        height={240}
        ticks={byLayer}
        tickText={text}
      />
    </section>
  );
}
