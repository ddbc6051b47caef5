import { useMemo } from 'preact/hooks';
import type { Pass } from '../../src/data.js';
import { type Run, type State, stateOf, stepOf, worstState } from '../model.js';
import { STATES } from '../states.js';

/** Which run is shown; nothing if there is only one. */
export function Passes({ run, pass, onPass }: { run: Run; pass: Pass; onPass: (pass: Pass) => void }) {
  if (!run.hasBlame) return null;
  const passes = [
    ['free', 'free run'],
    ['blame', `blame: ${run.data.inputs}`],
  ] as const satisfies readonly (readonly [Pass, string])[];
  return (
    <fieldset class="switch screen">
      <legend>Deltas</legend>
      {passes.map(([name, words]) => (
        <label key={name}>
          <input type="radio" name="pass" value={name} checked={pass === name} onChange={() => onPass(name)} />
          <span>{words}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** The prompt and each decoded token, each with the worst sign that is found there. */
export function Steps({
  run,
  pass,
  step,
  onStep,
}: {
  run: Run;
  pass: Pass;
  step: number;
  onStep: (step: number) => void;
}) {
  const worst = useMemo(() => worstOfSteps(run, pass), [run, pass]);
  if (run.steps.length < 2) return null;
  return (
    <fieldset class="switch steps screen">
      <legend>Step</legend>
      {run.steps.map((one) => {
        const state = worst.get(one) ?? 'absent';
        return (
          <label key={one}>
            <input type="radio" name="step" value={one} checked={one === step} onChange={() => onStep(one)} />
            <span>
              <i class={`sign ${state}`} aria-hidden="true">
                {STATES[state].glyph}
              </i>
              {one === 0 ? 'prompt' : one}
              <span class="hidden">, worst: {STATES[state].words}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

function worstOfSteps(run: Run, pass: Pass): Map<number, State> {
  const worst = new Map<number, State>();
  for (let at = 0; at < run.count; at++) {
    const step = stepOf(run, at);
    worst.set(step, worstState([worst.get(step) ?? 'absent', stateOf(run, at, pass)]));
  }
  return worst;
}
