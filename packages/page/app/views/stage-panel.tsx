import type { RefObject } from 'preact';
import type { Pass } from '../../src/data.js';
import { stepName } from '../format.js';
import { lookAt, placeOf, type Run, stageAt, stateOf, stepOf } from '../model.js';
import { following, nextWrong } from '../state.js';
import { STATES } from '../states.js';
import { Cause } from './cause.js';
import { Chip } from './chip.js';
import { Closer } from './closer.js';
import { Depth } from './depth.js';
import { MetricsTable } from './metrics.js';
import { Prose } from './prose.js';
import { whyOf, whysCut } from './why.js';

interface StagePanelProps {
  readonly panel: RefObject<HTMLElement | null>;
  readonly run: Run;
  readonly pass: Pass;
  readonly at: number;
  readonly onOpen: (at: number) => void;
}

/** Everything that is known of one stage, except what the verdict above already says of the first wrong stage. */
export function StagePanel({ panel, run, pass, at, onOpen }: StagePanelProps) {
  const { stage, layer, inputs } = placeOf(run, at);
  const state = stateOf(run, at, pass);
  const fault = run.faultOf.get(at);
  const step = stepOf(run, at);
  // From right inputs there is nothing to inherit.
  const inherits = pass === 'free' ? (run.data.stages.inherits[at] ?? -1) : -1;
  const from = inputs.flatMap((place) => stageAt(run, step, place) ?? []);
  const first = run.data.first?.at === at ? run.data.first : null;
  const { where, reason, isLeftOut } = whyOf(run, at, pass);
  const back = ({ key }: KeyboardEvent) => {
    if (key === 'Escape') document.querySelector<HTMLElement>('[role=grid] [data-cell][tabindex="0"]')?.focus();
  };
  return (
    <section class="card panel" aria-labelledby="stage" ref={panel} onKeyDown={back}>
      <div class="heading">
        <h2 id="stage" tabIndex={-1}>
          <code>{stage}</code>
          {layer !== null && <span> layer {layer}</span>}
          <span> {stepName(step)}</span>
        </h2>
        <span class="state">
          <i class={`sign ${state}`} aria-hidden="true">
            {STATES[state].glyph}
          </i>
          {STATES[state].words}
          {first && ', the first wrong stage'}
        </span>
        <Neighbours run={run} at={at} onOpen={onOpen} />
      </div>
      {(from.length > 0 || inherits >= 0) && (
        <p class="inputs">
          {from.length > 0 && 'Computed from '}
          {from.map((one) => (
            <Chip key={one} run={run} at={one} pass={pass} onOpen={onOpen} text={nameWithin(run, one, layer)} />
          ))}
          {inherits >= 0 && 'Inherits from '}
          {inherits >= 0 && <Chip run={run} at={inherits} onOpen={onOpen} />}
        </p>
      )}
      {where && !first?.where && (
        <p>
          <b>Where:</b> <Prose text={where} />.
        </p>
      )}
      {reason && !where && (
        <p>
          <b>Why:</b> <Prose text={reason} />.
        </p>
      )}
      {isLeftOut && <p class="quiet">{whysCut(run)}</p>}
      {fault?.cause && !first?.cause && <Cause cause={fault.cause} brief />}
      <MetricsTable run={run} at={at} pass={pass} look={lookAt(run, at, pass)} />
      <div class="plots">
        <Depth run={run} at={at} pass={pass} />
        <Closer key={`${pass}/${at}`} run={run} at={at} pass={pass} />
      </div>
    </section>
  );
}

/** A stage within a layer by its name alone. */
function nameWithin(run: Run, at: number, layer: number | null): string {
  const place = placeOf(run, at);
  return place.layer === layer || place.layer === null ? place.stage : `${place.stage}, layer ${place.layer}`;
}

function Neighbours({ run, at, onOpen }: Pick<StagePanelProps, 'run' | 'at' | 'onOpen'>) {
  const wrong = nextWrong(run, at, 1);
  const before = nextWrong(run, at, -1);
  const what = run.hasBlame && run.faultOf.size > 0 ? 'fault' : 'wrong';
  return (
    <nav class="neighbours screen" aria-label="Other stages">
      <button type="button" disabled={at === 0} onClick={() => onOpen(following(run, at, -1))}>
        <span aria-hidden="true">←</span> stage before
      </button>
      <button type="button" disabled={at === run.count - 1} onClick={() => onOpen(following(run, at, 1))}>
        stage after <span aria-hidden="true">→</span>
      </button>
      {before !== undefined && (
        <button type="button" onClick={() => onOpen(before)}>
          <span aria-hidden="true">⇤</span> {what} before
        </button>
      )}
      {wrong !== undefined && (
        <button type="button" onClick={() => onOpen(wrong)}>
          next {what} <span aria-hidden="true">⇥</span>
        </button>
      )}
    </nav>
  );
}
