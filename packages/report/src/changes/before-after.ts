import { basename } from 'node:path';
import { type Changes, changesBetween, type Report } from '@llama-probe/comparison';
import { count, type Document } from '@llama-probe/comparison/ask';
import { factsOf } from '../facts.js';

/** Two reports of the same comparison, such as those before and after a fix. Plain data. */
export interface BeforeAfter extends Changes {
  readonly schema: 1;
  /** Is it right now? @example 'Fixed: the sides agree now' */
  readonly answer: string;
  /** Did anything else break? @example 'No stage got worse.' */
  readonly broke: string;
  /** Whether all that was compared before was compared again, on the same model and tokens, to the same limits. */
  readonly isSameRun: boolean;
  /** What was run otherwise than before. */
  readonly differences: readonly Difference[];
}

/** What `probe changes --json` prints. */
export type ChangesDocument = Document<'changes', BeforeAfter>;

export interface Difference {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

export function beforeAndAfter(before: Report, after: Report): BeforeAfter {
  const changes = changesBetween(before, after);
  const isSameRun = isSame(before, after) && !changes.otherTokens && changes.vanished.length === 0;
  const answer = answerOf({ ...changes, isSameRun });
  return {
    schema: 1,
    answer,
    broke: brokeText(changes),
    isSameRun,
    differences: differences(before, after),
    ...changes,
  };
}

function isSame(before: Report, after: Report): boolean {
  const of = ({ model, reference, floors }: Report) =>
    JSON.stringify([basename(model.file), model.arch, reference.name, reference.mode, floors.margin, floors.minimum]);
  return of(before) === of(after);
}

/** "Fixed" is said only of what was wrong before and was compared again. */
function answerOf({ verdict, direction, isSameRun }: Pick<BeforeAfter, 'verdict' | 'direction' | 'isSameRun'>): string {
  const { before, after } = verdict;
  if (after === 'incomparable') return 'It cannot be told now';
  if (before === 'incomparable') return `${NOW[after]}; before, it could not be told`;
  if (before === after) return after === 'agree' ? 'The sides still agree' : STILL_WRONG[direction];
  if (!isSameRun) return `${NOW[after]}, but it is not the same run`;
  return `${after === 'agree' ? 'Fixed: the sides agree' : 'Broken: the sides have diverged'} now`;
}

const NOW = { agree: 'The sides agree now', diverged: 'The sides have diverged now' } as const;

const STILL_WRONG = {
  better: 'Better, and not right yet',
  worse: 'Still wrong, and worse',
  mixed: 'Still wrong: better in places, worse in others',
  same: 'Still wrong, as before',
} as const;

/** What is within its limit may be worse than it was, and right all the same. */
function brokeText({ worse, vanished }: Pick<Changes, 'worse' | 'vanished'>): string {
  const within = worse.filter(({ after }) => after.verdict === 'agree').length;
  const how = within === 0 ? '' : `, ${within === worse.length ? 'all' : within} of them within their limits`;
  const missing =
    vanished.length === 0 ? '' : ` Of ${count(vanished.length)} nothing is known: they were not compared again.`;
  return `${worse.length === 0 ? 'No stage got worse' : `${count(worse.length)} got worse${how}`}.${missing}`;
}

/** Facts that are others than before; times and memory always are. */
function differences(before: Report, after: Report): Difference[] {
  const [old, now] = [told(before), told(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((what) => {
    const [was, is] = [old.get(what) ?? NONE, now.get(what) ?? NONE];
    return was === is ? [] : [{ what, before: was, after: is }];
  });
}

const NONE = 'none';

function told(report: Report): Map<string, string> {
  const facts = factsOf(report).filter(({ name }) => !/^(time|memory|tokens$|watched$|mode$)/.test(name));
  return new Map([
    ...facts.map(({ label, text }) => [label, text] as const),
    ['tokens', report.tokens.join(' ')],
    ['reference mode', report.reference.mode], // why it was chosen says how much memory was free
  ]);
}
