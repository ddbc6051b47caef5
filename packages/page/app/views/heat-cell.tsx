import type { Pass } from '../../src/data.js';
import { short, times } from '../format.js';
import { deltaOf, describe, type Run, shareOf, stateOf } from '../model.js';
import { CHANGES, type Change, STATES, shadeOf } from '../states.js';

interface HeatCellProps {
  readonly run: Run;
  readonly pass: Pass;
  /** undefined where this layer has no such stage. */
  readonly at: number | undefined;
  /** `row/column` */
  readonly place: string;
  readonly isShown: boolean;
  /** The cell that the tab key goes to. */
  readonly isNext: boolean;
  /** What became of it since the run before; its sign and words come first. */
  readonly change?: Change;
}

export function HeatCell({ run, pass, at, place, isShown, isNext, change = 's' }: HeatCellProps) {
  if (at === undefined) return <td class="none" />;
  const state = stateOf(run, at, pass);
  const isFirst = run.data.first?.at === at;
  const shade =
    state === 'fault' ? 2 : state === 'inherited' ? (run.third.get(at) ?? 0) : shadeOf(shareOf(run, at, pass));
  return (
    <td
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: as the table is a grid
      role="gridcell"
      class={`${state} shade${shade}${isFirst ? ' first' : ''}`}
      data-cell={place}
      data-state={state}
      data-change={change === 's' ? undefined : change}
      tabIndex={isNext ? 0 : -1}
      aria-selected={isShown}
      aria-label={cellText(run, at, pass, change)}
    >
      {CHANGES[change].glyph || STATES[state].glyph}
    </td>
  );
}

/** @example 'q_rope, layer 3: fault of its own, 8.4e-1, 84,000 times the limit' */
export function cellText(run: Run, at: number, pass: Pass, change: Change = 's'): string {
  const state = stateOf(run, at, pass);
  const isFirst = run.data.first?.at === at ? 'first wrong stage, ' : '';
  const changed = change === 's' ? '' : `${CHANGES[change].words}, `;
  return `${describe(run, at)}: ${changed}${isFirst}${STATES[state].words}${state === 'absent' ? '' : numbersText(run, at, pass)}`;
}

function numbersText(run: Run, at: number, pass: Pass): string {
  const delta = deltaOf(run, at, pass);
  if (Number.isNaN(delta)) return ', not finite';
  return `, ${short(delta)}, ${times(shareOf(run, at, pass)).replace('×', 'times the limit')}`;
}
