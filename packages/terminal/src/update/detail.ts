import type { StageId } from '@llama-probe/diff';
import { gridOf } from '../grid/cells.js';
import { faultsIn } from '../grid/rows.js';
import type { Key } from '../keys.js';
import { type Detail, type Next, type State, TABS } from '../state.js';
import type { Request } from '../worker/protocol.js';
import { explain } from './explain.js';
import { faultBeside, toCell } from './moves.js';

export function openDetail(state: State, { step, layer, stage }: StageId, tab = state.detail?.tab ?? TABS[0]): Next {
  const detail: Detail = {
    at: { step, layer, stage },
    pass: state.pass,
    tab,
    row: null,
    head: 0,
    scroll: 0,
    news: null,
  };
  return [{ ...state, detail }, requestDetail(detail)];
}

export const requestDetail = ({ pass, at, row }: Detail): Request => ({ type: 'detail', pass, at, row });

/** Keys while a stage is seen from near. @param end how far its view may be scrolled */
export function detailKey(state: State, detail: Detail, key: Key, end: number): Next {
  const set = (changed: Partial<Detail>): Next => [{ ...state, detail: { ...detail, ...changed } }];
  const number = '12345678'.indexOf(key);
  if (number >= 0) return set({ tab: TABS[number] ?? 'overview', scroll: 0 });
  const page = Math.max(1, state.size.rows - 10);
  const scroll = (by: number) => set({ scroll: Math.max(0, Math.min(Math.min(detail.scroll, end) + by, end)) });
  switch (key) {
    case 'q':
    case 'escape':
    case 'backspace':
      return [{ ...state, detail: null }];
    case 'tab':
      return set({ tab: tabBeside(detail, 1), scroll: 0 });
    case 'shift-tab':
      return set({ tab: tabBeside(detail, -1), scroll: 0 });
    case 'up':
    case 'k':
      return scroll(-1);
    case 'down':
    case 'j':
      return scroll(1);
    case 'pageup':
    case 'ctrl-b':
      return scroll(-page);
    case 'ctrl-u':
      return scroll(-Math.ceil(page / 2));
    case 'pagedown':
    case 'ctrl-f':
      return scroll(page);
    case 'ctrl-d':
      return scroll(Math.ceil(page / 2));
    case 'g':
    case 'home':
      return set({ scroll: 0 });
    case 'G':
    case 'end':
      return set({ scroll: end });
    case 'left':
    case 'h':
      return otherRow(state, detail, -1);
    case 'right':
    case 'l':
      return otherRow(state, detail, 1);
    case '{':
      return set({ head: Math.max(0, detail.head - 1), scroll: 0 });
    case '}':
      return set({ head: Math.min(detail.head + 1, Math.max(0, (detail.news?.detail?.heads ?? 1) - 1)), scroll: 0 });
    case 'w':
      return toWorst(state, detail);
    case 'n':
    case 'N': {
      const faults = faultsIn(gridOf(state));
      if (faults.length === 0) return [{ ...state, notice: { kind: 'note', text: 'No stage is over its limit.' } }];
      const cell = faultBeside(state, faults, key === 'n' ? 1 : -1);
      return openDetail(toCell(state, cell), cell.result, detail.tab);
    }
    case '[':
    case ']': {
      const step = detail.at.step + (key === '[' ? -1 : 1);
      if (!gridOf(state).steps.includes(step)) return [state];
      return openDetail(state, { ...detail.at, step }, detail.tab);
    }
    case '?':
      return [explain(state)];
    case 'e':
      if (!state.report) return [state];
      return [{ ...state, overlay: { kind: 'export', chosen: 0 } }];
    default:
      return [state];
  }
}

const tabBeside = ({ tab }: Detail, by: 1 | -1) =>
  TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length] ?? TABS[0];

function otherRow(state: State, detail: Detail, by: 1 | -1): Next {
  const rows = detail.news?.detail?.tokens.length ?? 0;
  const now = detail.row ?? detail.news?.row?.index ?? 0;
  const row = Math.max(0, Math.min(rows - 1, now + by));
  if (rows === 0 || row === now) return [state];
  const moved = { ...detail, row };
  return [{ ...state, detail: moved }, requestDetail(moved)];
}

/** To the worst value of the stage, among the others of its row. */
function toWorst(state: State, detail: Detail): Next {
  const found = detail.news?.detail;
  const worst = found?.worst[0];
  if (!found || !worst) return [state];
  const moved = { ...detail, tab: 'values', row: found.tokens.indexOf(worst.token), scroll: worst.index } as const;
  return [{ ...state, detail: moved }, requestDetail(moved)];
}
