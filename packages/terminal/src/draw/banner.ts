import type { NamedFault } from '@llama-probe/comparison';
import type { StageId, StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { culpritsOf, headlineOf, localInputs, sureness } from '@llama-probe/report';
import { gridOf } from '../grid/cells.js';
import { closest, faultsIn } from '../grid/rows.js';
import { cut, fit, type Line, type Segment, tame, wrap } from '../line.js';
import { delta, limit, NONE, share, short, times } from '../numbers.js';
import { remarksOf } from '../remarks.js';
import type { State } from '../state.js';
import type { Tone } from '../tones.js';
import { nameOf } from './name.js';

/** The first divergence, its cause and place; until there is one, the stage that is closest to its limit. */
export function banner(state: State, height: number): Line[] {
  const lines = bannerText(state, state.size.columns - 2, height);
  return Array.from({ length: height }, (_, i) => fit([[' '], ...(lines[i] ?? [])], state.size.columns));
}

function bannerText(state: State, room: number, height: number): Line[] {
  const { report, failure, change } = state;
  const changed: Line[] = change ? [[['Δ ', 'bold'], [change.summary]]] : [];
  if (failure) {
    const [first = '', ...rest] = wrap(tame(failure.message.replace(/\s+/g, ' ')), room - 2).slice(0, height);
    return [
      [
        ['✗ ', 'vermillion', 'bold'],
        [first, 'bold'],
      ],
      ...rest.map((text): Line => [['  '], [text]]),
    ];
  }
  if (!report) return [soFar(state), [[cut(state.progress, room), 'dim']], ...changed];
  if (!report.first) {
    const mark: Segment = report.verdict === 'agree' ? ['✓ ', 'green', 'bold'] : ['? ', 'purple', 'bold'];
    const [first = '', ...rest] = wrap(tame(report.reason), room - 2).slice(0, Math.max(1, height - 1));
    return [
      [mark, [first, 'bold']],
      ...rest.map((text): Line => [['  '], [text]]),
      ...changed,
      ...remarks(state, room),
      ...said(state),
    ];
  }
  const result = [...state.stages.free.values()].find((one) => isAt(one, report.first));
  const { first, faults } = report;
  const fault = faults?.[0];
  const reason = fault?.reason ?? result?.reason;
  const culprits = culpritsOf(report);
  const [title = '', ...titled] = wrap(tame(headlineOf(report) ?? report.reason), room - 2);
  const head: Line[] = [
    [
      ['✗ ', 'vermillion', 'bold'],
      [title, 'bold'],
    ],
    ...titled.map((text): Line => [['  '], [text, 'bold']]),
  ];
  const evidence: Line = [
    ['  first wrong: ', 'bold'],
    [nameOf(first)],
    [` · Δ ${fault ? localOf(state, fault) : result ? deltaOf(result) : NONE}`],
    [reason ? ` · ${tame(reason)}` : ''],
    [result ? '' : ' · outside the selection', 'bold'],
    [first.token === null ? '' : ` · from token ${first.token}`],
    [first.step === 0 ? '' : ` · step ${first.step}`],
    [
      fault
        ? ` · limit ${limit(fault.limit)}, ${localInputs(report)}`
        : result
          ? ` · limit ${limit(result.limit)}`
          : '',
    ],
  ];
  const spoken = said(state);
  const left = height - head.length - spoken.length - changed.length - 1;
  const look = wrapped('look', culprits[0]?.look, room, Math.max(1, left), []);
  const sure = wrapped('sure', culprits[0] && sureness(culprits[0]), room, Math.max(1, left - look.length), []);
  const where = wrapped('where', first.where?.text, room, 2, []);
  return [...head, ...look, ...spoken, evidence, ...sure, ...changed, ...where, ...remarks(state, room)];
}

const deltaOf = (result: StageResult): string => `${delta(result)} (${share(result)})`;

/** Its delta from the reference's inputs, read from the stage itself if it is known: a fault's sum leaves out values that are not finite. */
function localOf({ stages }: State, fault: NamedFault): string {
  const blamed = stages.blame.get(stageKey(fault));
  return blamed ? deltaOf(blamed) : `${short(fault.local)} (${times(fault.local / fault.limit)})`;
}

/** The beginning of what else the report says; a key shows all of it. */
function remarks({ report }: State, room: number): Line[] {
  const all = report ? remarksOf(report) : [];
  if (all.length === 0) return [];
  return [
    [
      ['  i ', 'bold', 'sky'],
      [cut(`${all.length > 1 ? `${all.length} remarks, such as ` : ''}${tame(all[0] ?? '')}`, room - 4)],
    ],
  ];
}

function wrapped(name: string, text: string | undefined, room: number, most: number, tones: readonly Tone[]): Line[] {
  if (!text) return [];
  const lines = wrap(tame(text), room - 8);
  const shown = lines.length > most ? [...lines.slice(0, most - 1), lines.slice(most - 1).join(' ')] : lines;
  return shown.map(
    (line, i): Line => [
      [i === 0 ? `  ${name} ` : ' '.repeat(name.length + 3), 'bold'],
      [line, ...tones],
    ],
  );
}

/** While it runs: the first stage over its limit, or the one that is closest to it. */
function soFar(state: State): Line {
  const grid = gridOf(state);
  const [fault] = faultsIn(grid);
  const worst = closest(grid);
  if (fault) {
    return [
      ['✗ first wrong so far: ', 'vermillion', 'bold'],
      [nameOf(fault.result), 'bold'],
      [` · Δ ${deltaOf(fault.result)}, limit ${limit(fault.result.limit)}`],
    ];
  }
  if (!worst) return [['waiting for the first stage', 'dim']];
  return [
    ['no divergence so far', 'bold'],
    [` · closest to its limit: ${nameOf(worst.result)}, ${share(worst.result)}`],
  ];
}

/** What both sides say after the prompt. */
function said({ report }: State): Line[] {
  if (!report?.generated) return [];
  const { candidate, reference } = report.generated;
  const isSame = candidate.tokens.join() === reference.tokens.join();
  const words = (side: typeof candidate) =>
    tame(side.text === null ? side.tokens.join(' ') : JSON.stringify(side.text));
  if (isSame) return [[['  both say ', 'dim'], [words(reference)]]];
  return [
    [
      ['  '],
      [report.reference.name, 'dim'],
      [' says ', 'dim'],
      [words(reference)],
      [`  ${report.candidate.name} says `, 'dim'],
      [words(candidate)],
    ],
  ];
}

const isAt = (result: StageResult, at: StageId | null): boolean =>
  result.stage === at?.stage && result.layer === at.layer && result.step === at.step;
