import type { Pass } from '../../src/data.js';
import { describe, type Run, stateOf } from '../model.js';
import { STATES } from '../states.js';

interface ChipProps {
  readonly run: Run;
  readonly at: number;
  readonly pass?: Pass;
  /** What stands there; the stage in words without it. */
  readonly text?: string;
  readonly onOpen: (at: number) => void;
}

/** A stage that can be gone to, with its sign. */
export function Chip({ run, at, pass = 'free', text, onOpen }: ChipProps) {
  const state = stateOf(run, at, pass);
  return (
    <button type="button" class="chip" onClick={() => onOpen(at)}>
      <i class={`sign ${state}`} aria-hidden="true">
        {STATES[state].glyph}
      </i>
      {text ?? describe(run, at)}
      <span class="hidden"> ({STATES[state].words})</span>
    </button>
  );
}
