import { gridOf } from '../grid/cells.js';
import { canFold, faultsIn, rowsOf, selected } from '../grid/rows.js';
import type { Key } from '../keys.js';
import { causesOf, remarksOf } from '../remarks.js';
import { GONE, type Next, SORTS, type State } from '../state.js';
import { openDetail } from './detail.js';
import { explain } from './explain.js';
import { faultBeside, indexIn, MOVES, toCell } from './moves.js';

export function mainKey(state: State, key: Key): Next {
  if (state.isTyping) return [typed(state, key)];
  const move = MOVES[key];
  if (move) return [{ ...move(state), follows: false }];
  switch (key) {
    case 'q':
      return [state, { type: 'quit' }];
    case 'escape':
      return [state.filter === '' ? state : { ...state, filter: '' }];
    case 'tab':
    case 'shift-tab':
      return [{ ...state, focus: state.focus === 'map' ? 'table' : 'map' }];
    case 'enter': {
      const cell = selected(state);
      return cell ? openDetail({ ...state, follows: false }, cell.result) : [state];
    }
    case 'n':
      return [toFault(state, 1)];
    case 'N':
      return [toFault(state, -1)];
    case '/':
      return [{ ...state, isTyping: true }];
    case 's':
      return [{ ...state, sort: next(SORTS, state.sort, 1), focus: 'table' }];
    case 'f':
      if (canFold(state)) return [{ ...state, folds: !state.folds, focus: 'table' }];
      return [{ ...state, notice: { kind: 'note', text: 'Nothing that is listed in evaluation order inherits.' } }];
    case '[':
    case '<':
      return [{ ...state, step: otherStep(state, -1) }];
    case ']':
    case '>':
      return [{ ...state, step: otherStep(state, 1) }];
    case 'a':
      return [{ ...state, step: 'all' }];
    case 't':
      return togglePass(state);
    case 'e':
      if (state.report) return [{ ...state, overlay: { kind: 'export', chosen: 0 } }];
      return [{ ...state, notice: { kind: 'note', text: 'There is nothing to export until the run is done.' } }];
    case 'i':
      return [showRemarks(state)];
    case '?':
      return [explain(state)];
    default:
      return [state];
  }
}

/** Whether there is more to say than the banner has room for. */
export const hasMore = ({ report }: State): boolean =>
  report !== null && (causesOf(report).culprits.length > 0 || remarksOf(report).length > 0);

function showRemarks(state: State): State {
  if (hasMore(state)) return { ...state, overlay: { kind: 'remarks', scroll: 0 } };
  return { ...state, notice: { kind: 'note', text: 'There is nothing to add to the verdict.' } };
}

/** Round and round through the faults, from wherever the cursor is. */
function toFault(state: State, by: 1 | -1): State {
  const faults = faultsIn(gridOf(state));
  if (faults.length === 0) return { ...state, notice: { kind: 'note', text: 'No stage is over its limit.' } };
  return { ...toCell(state, faultBeside(state, faults, by)), follows: false };
}

function next<T>(all: readonly T[], now: T, by: number): T {
  return all[(all.indexOf(now) + by + all.length) % all.length] as T;
}

/** All, prompt, step 1, … and round again. */
function otherStep(state: State, by: 1 | -1): number | 'all' {
  return next<number | 'all'>(['all', ...gridOf(state).steps], state.step, by);
}

/** Whether `t` leads anywhere: the other run was made, or can be. */
export const canBlame = ({ pass, stages, report, job, watches, isBlaming, isGone }: State): boolean =>
  pass === 'blame' ||
  stages.blame.size > 0 ||
  (report !== null && job.command === 'compare' && !watches && !isBlaming && !isGone);

/** From the free run to blame and back; offers to run it if it was not run. */
function togglePass(state: State): Next {
  if (state.pass === 'blame') return [{ ...state, pass: 'free' }];
  if (state.isBlaming) {
    return [{ ...state, notice: { kind: 'note', text: 'Blame is on its way.' } }];
  }
  if (state.stages.blame.size > 0) return [{ ...state, pass: 'blame' }];
  if (state.isGone) return [{ ...state, notice: { kind: 'bad', text: GONE } }];
  if (state.job.command !== 'compare') {
    return [
      {
        ...state,
        notice: { kind: 'note', text: 'Dumps cannot be run again: blame is for probe compare.' },
      },
    ];
  }
  if (!state.report) return [{ ...state, notice: { kind: 'note', text: 'The free run is not done yet.' } }];
  if (state.watches) {
    return [{ ...state, notice: { kind: 'note', text: 'Start it with --blame to watch the free run and blame.' } }];
  }
  return [{ ...state, overlay: { kind: 'blame' } }];
}

function typed(state: State, key: Key): State {
  switch (key) {
    case 'enter':
      return { ...state, isTyping: false };
    case 'escape':
      return { ...state, isTyping: false, filter: '' };
    case 'backspace':
      return { ...state, filter: [...state.filter].slice(0, -1).join(''), isTyping: state.filter !== '' };
    case 'ctrl-u':
      return { ...state, filter: '' };
    default:
      return [...key].length === 1 ? settle({ ...state, filter: state.filter + key }) : state;
  }
}

/** A cursor that the filter has hidden goes to the first row that is left. */
function settle(state: State): State {
  const rows = rowsOf(state);
  const [first] = rows;
  return first && indexIn(rows, state) < 0 ? { ...toCell(state, first), follows: false } : state;
}
