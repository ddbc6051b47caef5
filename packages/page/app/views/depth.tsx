import { useMemo } from 'preact/hooks';
import type { Pass } from '../../src/data.js';
import { stepName } from '../format.js';
import { deltaOf, placeOf, type Run, stageAt, stateOf, stepOf } from '../model.js';
import type { DeltaPoint } from '../plots/delta-point.js';
import { DeltaPlot } from '../plots/deltas.js';

/** A stage across the layers, and across the steps. */
export function Depth({ run, at, pass }: { run: Run; at: number; pass: Pass }) {
  const place = placeOf(run, at);
  const step = stepOf(run, at);
  const layers = useMemo(() => {
    const same = run.data.places.flatMap((other, i) => (other.stage === place.stage && other.layer !== null ? i : []));
    return same.flatMap((i) => {
      const stage = stageAt(run, step, i);
      const layer = run.data.places[i]?.layer ?? 0;
      return stage === undefined ? [] : [pointOf(run, stage, pass, layer, `layer ${layer}`)];
    });
  }, [run, pass, step, place.stage]);
  const steps = useMemo(() => {
    const own = run.data.stages.place[at] ?? 0;
    return run.steps.flatMap((one) => {
      const stage = stageAt(run, one, own);
      return stage === undefined ? [] : [pointOf(run, stage, pass, one, stepName(one))];
    });
  }, [run, pass, at]);
  return (
    <>
      {layers.length > 1 && (
        <DeltaPlot title={`${place.stage} by depth`} of="layer" points={layers} mark={place.layer ?? undefined} />
      )}
      {steps.length > 1 && (
        <DeltaPlot title="This stage by step, 0 is the prompt" of="step" points={steps} mark={step} />
      )}
    </>
  );
}

/** A stage as a point: from the reference's inputs with its local delta. */
export function pointOf(run: Run, at: number, pass: Pass, x: number, name: string): DeltaPoint {
  const state = stateOf(run, at, pass);
  return {
    x,
    name,
    delta: deltaOf(run, at, pass),
    floor: run.floor[at] ?? -1,
    limit: run.limit[at] ?? Number.NaN,
    isWrong: state === 'fault' || state === 'over' || state === 'inherited' || state === 'incomparable',
  };
}
