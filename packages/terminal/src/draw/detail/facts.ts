import type { StageResult } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import { gridOf } from '../../grid/cells.js';
import { fit, type Line, type Segment, tame, wrap } from '../../line.js';
import { delta, limit, rms, share, short } from '../../numbers.js';
import type { Detail, State } from '../../state.js';
import { EXPLAINED, isExplained } from '../explained.js';
import { lookOf } from '../glyphs.js';
import { localOf } from '../local.js';
import { nameOf } from '../name.js';

/** All that is known of a stage. */
export function factLines(state: State, detail: Detail, result: StageResult | undefined, width: number): Line[] {
  const { verdict, cause, where, why, numbers } = factParts(state, detail, result, width);
  return [...verdict, ...cause, ...where, ...why, ...numbers].map((line): Line => [[' '], ...line]);
}

const BRIEF = 2; // lines

/** As much of it as there is room for: the numbers that tell most come before a cause of many lines. */
export function briefLines(state: State, detail: Detail, result: StageResult | undefined, width: number): Line[] {
  const { verdict, cause, where, why, numbers } = factParts(state, detail, result, width);
  const said = cause.length > 0 ? cause : why.length > 0 ? why : where;
  const rest = [where, why].filter((lines) => lines !== said).flat();
  const lines = [...verdict, ...numbers.slice(0, BRIEF), ...said.slice(0, BRIEF), ...rest, ...numbers.slice(BRIEF)];
  return lines.map((line): Line => [[' '], ...line]);
}

type Facts = Readonly<Record<'verdict' | 'cause' | 'where' | 'why' | 'numbers', readonly Line[]>>;

function factParts(state: State, { at, pass }: Detail, result: StageResult | undefined, width: number): Facts {
  if (!result) {
    const none = state.report
      ? 'This stage is not compared in this run.'
      : 'This stage is not compared in this run yet.';
    return { verdict: [[[none, 'dim']]], cause: [], where: [], why: [], numbers: [] };
  }
  const { cells } = gridOf(state);
  const cell = cells.get(placeKey(at));
  const fault = state.report?.faults?.find(({ stage, layer }) => stage === at.stage && layer === at.layer) ?? null;
  const kind =
    cell && stageKey(cell.result) === stageKey(result)
      ? cell.kind
      : result.verdict === 'diverged'
        ? 'over'
        : result.verdict;
  const look = lookOf({ kind, result });
  const verdict: Segment[] = [
    [look.glyph, ...look.tones],
    [` ${result.verdict}`, 'bold'],
  ];
  if (result.inherits) verdict.push([`, inherited from ${nameOf(result.inherits)}`]);
  const first = state.report?.first;
  const diagnosis =
    fault?.diagnosis ?? (first && stageKey(first) === stageKey(result) ? state.report?.diagnosis : null);
  const where = fault?.where ?? result.where;
  return {
    verdict: [[...verdict, [` · ${result.shape[0]} × ${result.shape[1]} values`, 'dim']]],
    cause: texts('cause', diagnosis?.text, width, diagnosis?.confidence === 'confirmed' ? ['bold'] : []),
    where: texts('where', where?.text, width, []),
    why: texts('why', result.reason, width, []),
    numbers: pairs(
      state,
      factsOf(result, pass === 'blame' ? delta(result) : (localOf(state, result) ?? 'not run')),
      width,
    ),
  };
}

/** Two facts beside each other where there is room. */
function pairs(state: State, facts: readonly (readonly [string, string])[], width: number): Line[] {
  const columns = Math.max(1, Math.floor(width / 27));
  const lines: Line[] = [];
  for (let i = 0; i < facts.length; i += columns) {
    lines.push(
      facts
        .slice(i, i + columns)
        .flatMap(
          ([name, text]): Line =>
            fit(
              [[name, ...(isExplained(state, name) ? EXPLAINED : (['dim'] as const))], [' '], [text]],
              Math.floor(width / columns),
            ),
        ),
    );
  }
  return lines;
}

function factsOf(result: StageResult, local: string): (readonly [string, string])[] {
  const { nan, inf, worst: at, worstRow } = result;
  const odd = nan.candidate + nan.reference + inf.candidate + inf.reference;
  return [
    ['relative', `${delta(result)} (${share(result)})`],
    ['limit', limit(result.limit)],
    ['worst row', worstRow ? `token ${worstRow.token}, ${short(worstRow.rel)}` : ''],
    ['local', local],
    ['floor', result.floor === null ? 'not measured' : short(result.floor)],
    ['RMS Δ', rms(result)],
    ['reference RMS', short(result.referenceRms)],
    ['max |Δ|', short(result.maxAbs)],
    ['at', at ? `token ${at.token}, index ${at.index}` : ''],
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
