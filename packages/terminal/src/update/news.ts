import type { Changes, Pass } from '@llama-probe/comparison';
import type { StageId, StageResult } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import { gridOf } from '../grid/cells.js';
import { closest, faultsIn } from '../grid/rows.js';
import { type Change, GONE, type Next, type State } from '../state.js';
import type { News } from '../worker/protocol.js';
import { requestDetail } from './detail.js';

/** Takes in what the comparing process says. */
export function news(state: State, said: News): Next {
  switch (said.type) {
    case 'begin':
      return [
        {
          ...state,
          run: said.run,
          about: said.about,
          stages: { free: new Map(), blame: new Map() },
          report: null,
          previous: state.report ?? state.previous,
          change: null,
          failure: null,
          pass: 'free',
          begun: said.run > 1 ? state.now : state.begun,
          cursor:
            state.cursor.stage === ''
              ? { stage: said.about.stages?.[0] ?? '', layer: said.about.layers?.[0] ?? 0 }
              : state.cursor,
        },
      ];
    case 'progress':
      return [{ ...state, progress: said.text, phases: withPhase(state.phases, said.text) }];
    case 'stages':
      return [follow(withStages(state, said.pass, said.stages), said.stages)];
    case 'report':
      return reported(state, said);
    case 'failed':
      return failed(state, said);
    case 'detail':
      return [isAsked(state, said) ? { ...state, detail: { ...state.detail, news: said } } : state];
    case 'exported':
      return [
        {
          ...state,
          overlay: state.overlay?.kind === 'path' ? null : state.overlay,
          written: [...state.written, said.path],
          notice: { kind: 'good', text: `wrote ${said.path}` },
        },
      ];
    case 'not-exported':
      // The answer is about another name than the one that is typed now, or the question was left.
      if (state.overlay?.kind !== 'path' || state.overlay.path !== said.path) {
        return [said.exists ? state : { ...state, notice: { kind: 'bad', text: said.reason } }];
      }
      return [
        {
          ...state,
          overlay: { ...state.overlay, replace: said.exists, problem: said.exists ? null : said.reason },
        },
      ];
  }
}

/** What is said of a phase again, such as its next percent, takes the place of what was said before. */
function withPhase(phases: readonly string[], text: string): readonly string[] {
  const nameOf = (phase: string) => phase.replace(/\d+/g, '');
  const known = phases.findIndex((phase) => nameOf(phase) === nameOf(text));
  return known < 0 ? [...phases, text] : phases.with(known, text);
}

function withStages(state: State, pass: Pass, found: readonly StageResult[]): State {
  const stages = new Map(state.stages[pass]);
  for (const stage of found) stages.set(stageKey(stage), stage);
  return { ...state, stages: { ...state.stages, [pass]: stages } };
}

/** The cursor is where the run is, until somebody moves it. */
function follow(state: State, found: readonly StageResult[]): State {
  const latest = found.at(-1);
  if (!state.follows || !latest || state.report) return state;
  return at(state, latest);
}

const at = (state: State, { stage, layer }: StageId): State => ({
  ...state,
  cursor: { stage, layer: layer ?? state.cursor.layer },
});

function reported(before: State, { report, written, changes }: News & { type: 'report' }): Next {
  const free = new Map([...before.stages.free].filter(([, { stage }]) => !report.ignored.includes(stage)));
  const notice = written.length > 0 ? ({ kind: 'good', text: `wrote ${written.join(', ')}` } as const) : before.notice;
  let state: State = {
    ...before,
    report,
    change: changes && markedBy(changes),
    notice,
    written: [...new Set([...before.written, ...written])],
    stages: { ...before.stages, free },
    progress: '',
    phases: [],
    isBlaming: false,
  };
  if (before.isBlaming && state.stages.blame.size > 0) state = { ...state, pass: 'blame' };
  const target = targetOf(state);
  if (state.follows && target) state = at(state, target);
  return state.detail ? [state, requestDetail(state.detail)] : [state];
}

/** The first divergence; if it is outside of what is shown, the first fault that is inside. */
function targetOf(state: State): StageId | undefined {
  const grid = gridOf(state);
  const first = state.report?.first;
  if (first && grid.cells.has(placeKey(first))) return first;
  return (faultsIn(grid)[0] ?? closest(grid))?.result;
}

function markedBy({ better, worse, summary }: Changes): Change {
  const marks = new Map<string, 'better' | 'worse'>();
  for (const stage of better) marks.set(stageKey(stage), 'better');
  for (const stage of worse) marks.set(stageKey(stage), 'worse');
  return { marks, summary };
}

/** The code of a failure by which the comparing process has ended by itself. */
const WORKER = 'worker';

/** If nothing has come and nothing will, there is nothing to look at: the view ends, and the command says why. */
function failed(state: State, { message, code, fatal }: News & { type: 'failed' }): Next {
  if (code === WORKER && state.report && !state.isBlaming) {
    return [{ ...state, isGone: true, notice: { kind: 'bad', text: `${GONE} ${message.split('\n')[0]}` } }];
  }
  const failure = { message, code };
  const isGone = code === WORKER;
  if (fatal && !state.report && !state.previous) return [{ ...state, failure, isGone }, { type: 'quit' }];
  return [
    { ...state, failure, isGone, isBlaming: false, notice: { kind: 'bad', text: message.split('\n')[0] ?? message } },
  ];
}

function isAsked(
  state: State,
  { at, pass }: News & { type: 'detail' },
): state is State & { detail: NonNullable<State['detail']> } {
  return state.detail !== null && stageKey(state.detail.at) === stageKey(at) && state.detail.pass === pass;
}
