import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { layoutOf } from '../../layout.js';
import type { Line } from '../../line.js';
import { type Detail, GONE, type State, type Tab } from '../../state.js';
import { box } from '../box.js';
import { nameOf } from '../name.js';
import { briefLines, factLines } from './facts.js';
import { headStrip } from './heads.js';
import { histogram } from './histogram.js';
import { overview } from './overview.js';
import { logitsOrProbabilities } from './row.js';
import { nothing, type Scene } from './scene.js';
import { lastScroll } from './scroll.js';
import { tabs } from './tabs.js';
import { tokenBars } from './tokens.js';
import { values } from './values.js';
import { worst } from './worst.js';

const DRAW: Readonly<Record<Exclude<Tab, 'facts'>, (scene: Scene) => Line[]>> = {
  overview,
  values,
  tokens: tokenBars,
  heads: headStrip,
  histogram,
  worst,
  row: logitsOrProbabilities,
};

const BESIDE = 140; // columns of a terminal that has room for both
const SIDE = 58; // columns of the facts when they stand beside the rest

/** A stage from near: what is known of it, and one view of its rows. */
export function detailScreen(state: State, detail: Detail, height: number): Line[] {
  const { columns } = state.size;
  const result = state.stages[detail.pass].get(stageKey(detail.at));
  const title = titleOf(state, detail);
  if (columns >= BESIDE) {
    const facts = box(factLines(state, detail, result, SIDE - 4), { width: SIDE, height, title });
    const views = viewBox(state, detail, result, columns - SIDE, height);
    return facts.map((line, i) => [...line, ...(views[i] ?? [])]);
  }
  const facts = factLines(state, detail, result, columns - 4);
  const room = topRoom(facts.length, height);
  const shown = facts.length > room ? briefLines(state, detail, result, columns - 4) : facts;
  const top = box(shown.slice(0, room), { width: columns, height: room + 2, title });
  return [...top, ...viewBox(state, detail, result, columns, height - room - 2)];
}

/** Lines for the facts when the view is below them. */
const topRoom = (facts: number, height: number): number =>
  Math.min(facts, Math.max(5, Math.floor((height - 4) * 0.42)));

/** How far the view may be scrolled. */
export function detailEnd(state: State, detail: Detail): number {
  const { columns } = state.size;
  const { body } = layoutOf(state);
  const result = state.stages[detail.pass].get(stageKey(detail.at));
  const isWide = columns >= BESIDE;
  const facts = factLines(state, detail, result, (isWide ? columns - SIDE : columns) - 4).length;
  const height = isWide ? body : body - topRoom(factLines(state, detail, result, columns - 4).length, body) - 2;
  return lastScroll(detail, height - 2, facts);
}

function titleOf(state: State, { at, pass }: Detail): Line {
  return [
    [nameOf(at), 'bold'],
    [` · ${at.step === 0 ? 'prompt' : `step ${at.step}`}`],
    [pass === 'blame' ? ' · blame' : ' · free run', 'dim'],
    [state.run > 1 ? ` · run ${state.run}` : '', 'dim'],
  ];
}

function viewBox(state: State, detail: Detail, result: StageResult | undefined, width: number, height: number): Line[] {
  const title = tabs(detail, width - 6);
  const scene = { state, detail, result, width: width - 4, height: height - 2 };
  const lines = viewLines(scene);
  return box(
    lines.map((line): Line => [[' '], ...line]),
    { width, height, title, hasFocus: true },
  );
}

function viewLines(scene: Omit<Scene, 'news'>): Line[] {
  const { state, detail, result, width, height } = scene;
  if (detail.tab === 'facts') {
    const lines = factLines(state, detail, result, width);
    return lines.slice(Math.max(0, Math.min(detail.scroll, lines.length - height)));
  }
  if (detail.news) return DRAW[detail.tab]({ ...scene, news: detail.news });
  return nothing(state.isGone ? GONE : 'waiting for the comparing process …', width);
}
