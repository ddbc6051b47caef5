import type { StageResult } from '@llama-probe/diff';
import { gridOf } from '../../cells.js';
import { keyOf, placeOf } from '../../key-of.js';
import { fit, type Line, type Segment, tame, wrap } from '../../line.js';
import { limit, short, times } from '../../numbers.js';
import { type Detail, type State, TABS, type Tab } from '../../state.js';
import { box } from '../box.js';
import { lookOf } from '../glyphs.js';
import { nameOf } from '../name.js';
import { headStrip } from './heads.js';
import { histogram } from './histogram.js';
import { overview } from './overview.js';
import { logitsOrProbabilities, rowTitle } from './row.js';
import { tokenBars } from './tokens.js';
import { values } from './values.js';
import { worst } from './worst.js';

/** What a tab draws from. */
export interface Scene {
  readonly state: State;
  readonly detail: Detail;
  readonly news: NonNullable<Detail['news']>;
  readonly result: StageResult | undefined;
  readonly width: number;
  readonly height: number;
}

const DRAW: Readonly<Record<Tab, (scene: Scene) => Line[]>> = {
  overview,
  values,
  tokens: tokenBars,
  heads: headStrip,
  histogram,
  worst,
  row: logitsOrProbabilities,
  facts: ({ state, detail, result, width, height }) => {
    const lines = factLines(state, detail, result, width);
    return lines.slice(Math.max(0, Math.min(detail.scroll, lines.length - height)));
  },
};

const SIDE = 58; // columns of the facts where they stand beside the rest

/** A stage from near: what is known of it, and one view of its rows. */
export function detailScreen(state: State, detail: Detail, height: number): Line[] {
  const { columns } = state.size;
  const result = state.stages[detail.pass].get(keyOf(detail.at));
  const title = titleOf(state, detail);
  if (columns >= 140) {
    const facts = box(factLines(state, detail, result, SIDE - 4), { width: SIDE, height, title });
    const views = viewBox(state, detail, result, columns - SIDE, height);
    return facts.map((line, i) => [...line, ...(views[i] ?? [])]);
  }
  const facts = factLines(state, detail, result, columns - 4);
  const room = Math.min(facts.length, Math.max(4, Math.floor((height - 4) * 0.42)));
  const top = box(facts.slice(0, room), { width: columns, height: room + 2, title });
  return [...top, ...viewBox(state, detail, result, columns, height - room - 2)];
}

function titleOf(state: State, { at, pass }: Detail): Line {
  return [
    [nameOf(at), 'bold'],
    [` · ${at.step === 0 ? 'prompt' : `step ${at.step}`}`],
    [pass === 'forced' ? ' · teacher-forced' : ' · free run', 'dim'],
    [state.run > 1 ? ` · run ${state.run}` : '', 'dim'],
  ];
}

function factLines(state: State, { at }: Detail, result: StageResult | undefined, width: number): Line[] {
  if (!result) return [[['This stage is not compared in this run yet.', 'dim']]];
  const { cells } = gridOf(state);
  const cell = cells.get(placeOf(at));
  const fault = state.report?.faults?.find(({ stage, layer }) => stage === at.stage && layer === at.layer) ?? null;
  const kind =
    cell && keyOf(cell.result) === keyOf(result) ? cell.kind : result.verdict === 'diverged' ? 'over' : result.verdict;
  const look = lookOf({ kind, result });
  const verdict: Segment[] = [
    [look.glyph, ...look.tones],
    [` ${result.verdict}`, 'bold'],
  ];
  if (result.inherits) verdict.push([`, inherited from ${nameOf(result.inherits)}`]);
  const first = state.report?.first;
  const diagnosis = fault?.diagnosis ?? (first && keyOf(first) === keyOf(result) ? state.report?.diagnosis : null);
  const where = fault?.where ?? result.where;
  const lines: Line[] = [
    [...verdict, [` · ${result.shape[0]} × ${result.shape[1]} values`, 'dim']],
    ...texts('cause', diagnosis?.text, width, diagnosis?.confidence === 'confirmed' ? ['bold'] : []),
    ...texts('where', where?.text, width, []),
    ...texts('why', result.reason, width, []),
    ...pairs(factsOf(result), width),
  ];
  return lines.map((line): Line => [[' '], ...line]);
}

/** Two facts beside each other where there is room. */
function pairs(facts: readonly (readonly [string, string])[], width: number): Line[] {
  const columns = Math.max(1, Math.floor(width / 27));
  const lines: Line[] = [];
  for (let i = 0; i < facts.length; i += columns) {
    lines.push(
      facts
        .slice(i, i + columns)
        .flatMap(([name, text]): Line => fit([[`${name} `, 'dim'], [text]], Math.floor(width / columns))),
    );
  }
  return lines;
}

function factsOf(result: StageResult): (readonly [string, string])[] {
  const { nan, inf, worst: at, worstRow } = result;
  const odd = nan.candidate + nan.reference + inf.candidate + inf.reference;
  return [
    ['relative', `${short(result.rel)} (${times(result.ofLimit)})`],
    ['limit', limit(result.limit)],
    ['floor', result.floor === null ? 'not measured' : short(result.floor)],
    ['local', result.local === null ? 'not run' : short(result.local)],
    ['RMS Δ', short(result.rms)],
    ['reference RMS', short(result.referenceRms)],
    ['max |Δ|', short(result.maxAbs)],
    ['at', at ? `token ${at.token}, index ${at.index}` : ''],
    ['worst row', worstRow ? `token ${worstRow.token}, ${short(worstRow.rel)}` : ''],
    ['cosine', result.cosine.toFixed(9)],
    ['SQNR', Number.isFinite(result.sqnr) ? `${result.sqnr.toFixed(1)} dB` : '∞'],
    [
      'NaN, Inf',
      odd === 0 ? 'none' : `${nan.candidate} and ${inf.candidate}, reference ${nan.reference} and ${inf.reference}`,
    ],
    ['values', String(result.count)],
    ['order', String(result.order)],
  ];
}

function texts(
  name: string,
  text: string | undefined,
  width: number,
  tones: Segment extends readonly [string, ...infer T] ? T : never,
): Line[] {
  if (!text) return [];
  return wrap(tame(text), width - 7).map(
    (line, i): Line => [
      [i === 0 ? `${name} `.padEnd(6) : '      ', 'bold'],
      [line, ...tones],
    ],
  );
}

function viewBox(state: State, detail: Detail, result: StageResult | undefined, width: number, height: number): Line[] {
  const title: Line = TABS.flatMap((tab, i): Line => {
    const name = tab === 'row' ? rowTitle(detail.at.stage) : tab;
    const text = width < 90 && tab !== detail.tab ? `${i + 1}` : `${i + 1} ${name}`;
    return [[text, ...(tab === detail.tab ? (['bold', 'sky'] as const) : (['dim'] as const))], ['  ']];
  }).slice(0, -1);
  const lines = detail.news
    ? DRAW[detail.tab]({ state, detail, news: detail.news, result, width: width - 4, height: height - 2 })
    : [[['waiting for the comparing process …', 'dim'] as const]];
  return box(
    lines.map((line): Line => [[' '], ...line]),
    { width, height, title, hasFocus: true },
  );
}

/** Said where a view has nothing to draw from. */
export const nothing = (text: string): Line[] => [[[text, 'dim']]];

export const NOT_KEPT =
  'The values were not kept: wrong stages push out those that agree. --stages and --layers leave room for fewer.';
