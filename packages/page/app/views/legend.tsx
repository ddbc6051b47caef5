import type { Pass } from '../../src/data.js';
import { type Run, type State, stateOf, stepOf } from '../model.js';
import { STATES } from '../states.js';

const SHADES: Readonly<Partial<Record<State, readonly [shade: number, text: string][]>>> = {
  agree: [
    [0, 'under 0.05 of the limit'],
    [1, 'to 0.5'],
  ],
  near: [[2, 'to 1']],
  inherited: [
    [0, 'right behind its fault'],
    [1, 'further'],
    [2, 'furthest'],
  ],
  over: [
    [0, 'to 30 ×'],
    [1, 'to 3,000 ×'],
    [2, 'more'],
  ],
  fault: [[2, '']],
  incomparable: [[2, '']],
};

/** The signs of what is shown now, and how often each is there. */
export function Legend({ run, pass, step }: { run: Run; pass: Pass; step: number }) {
  const counts = new Map<State, number>();
  for (let at = 0; at < run.count; at++) {
    if (stepOf(run, at) !== step) continue;
    const state = stateOf(run, at, pass);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const shown = (Object.keys(STATES) as State[]).filter((state) => counts.has(state));
  return (
    <ul class="legend" aria-label="Legend">
      {shown.map((state) => (
        <li key={state}>
          {(SHADES[state] ?? [[0, '']]).map(([shade, text]) => (
            <i key={shade} class={`sign ${state} shade${shade}`} title={text} aria-hidden="true">
              {STATES[state].glyph}
            </i>
          ))}
          <b>{counts.get(state)}</b> {STATES[state].words}
        </li>
      ))}
    </ul>
  );
}
