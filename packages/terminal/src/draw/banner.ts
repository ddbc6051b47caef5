import type { NamedFault } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { localInputs, sureness } from '@llama-probe/report';
import { gridOf } from '../grid/cells.js';
import { closest, faultsIn } from '../grid/rows.js';
import { cut, fit, type Line, type Segment, tame, wrap } from '../line.js';
import { delta, limit, NONE, share, short, times } from '../numbers.js';
import { causesOf, remarksOf } from '../remarks.js';
import type { State } from '../state.js';
import type { ReportHead } from '../worker/protocol.js';
import { nameOf } from './name.js';

/** What is wrong, where to look and how sure that is; until there is one, the stage that is closest to its limit. */
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
  const { head, look } = remedy(report, room);
  const spoken = said(state);
  const evidence = evidenceOf(state, report);
  const shown = look.length > height - head.length ? squeezed(look, Math.max(1, height - head.length)) : look;
  const left = height - head.length - shown.length - spoken.length - changed.length - 1;
  const [first] = causesOf(report).culprits;
  const sure = squeezed(labelled('sure', first && sureness(first), room), Math.max(1, left));
  const where = squeezed(labelled('where', report.first.where?.text, room), 2);
  return [...head, ...shown, ...sure, ...spoken, evidence, ...changed, ...where, ...remarks(state, room)];
}

/** What is wrong, and where to look: this much is shown whole wherever there is room. */
function remedy(report: ReportHead, room: number): Record<'head' | 'look', Line[]> {
  const { headline, culprits } = causesOf(report);
  const [title = '', ...titled] = wrap(tame(headline ?? report.reason), room - 2);
  const head: Line[] = [
    [
      ['✗ ', 'vermillion', 'bold'],
      [title, 'bold'],
    ],
    ...titled.map((text): Line => [['  '], [text, 'bold']]),
  ];
  return { head, look: labelled('look', culprits[0]?.look, room) };
}

/** How many rows the name of the first cause and its remedy take; 0 without one. */
export function remedyRows(state: State): number {
  const { report, size } = state;
  if (!report?.first) return 0;
  const { head, look } = remedy(report, size.columns - 2);
  return head.length + look.length;
}

function evidenceOf(state: State, report: ReportHead): Line {
  const { first, faults } = report;
  if (!first) return [];
  const result = state.stages.free.get(stageKey(first));
  const fault = faults?.[0];
  const reason = fault?.reason ?? result?.reason;
  return [
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

/** A text with a word before it, in as many lines as it takes. */
const labelled = (name: string, text: string | undefined, room: number): Line[] =>
  (text ? wrap(tame(text), room - 8) : []).map(
    (line, i): Line => [[i === 0 ? `  ${name} ` : ' '.repeat(name.length + 3), 'bold'], [line]],
  );

/** No more lines than that: what does not fit goes on in the last one, which is cut. */
const squeezed = (lines: readonly Line[], most: number): Line[] => {
  const rest = lines.slice(most).flatMap(([, [text] = ['']]) => ` ${text}`);
  return lines.slice(0, most).map((line, i) => (i === most - 1 && rest.length > 0 ? [...line, [rest.join('')]] : line));
};

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
