import { describe, type StageId, short, type Verdict } from '@llama-probe/diff';
import type { Changes, Measured, StageChange } from './change.js';

/** All of it in one sentence. */
export function summarize(changes: Omit<Changes, 'summary'>): string {
  const parts = [verdictPart(changes), firstPart(changes), ...stageParts(changes), ...causeParts(changes)];
  const said = parts.filter((part) => part !== '');
  const tokens = changes.otherTokens ? ' The tokens are others than before.' : '';
  return `${WORDS[changes.direction]}: ${said.join('; ')}.${tokens}`;
}

const WORDS = { better: 'better', worse: 'worse', mixed: 'better and worse', same: 'no change' } as const;

const NOW: Readonly<Record<Verdict, string>> = {
  agree: 'the sides agree',
  diverged: 'the sides have diverged',
  incomparable: 'the sides cannot be compared',
};

function verdictPart({ direction, verdict: { before, after } }: Pick<Changes, 'direction' | 'verdict'>): string {
  if (before !== after) return `${NOW[after]} now`;
  return direction === 'same' ? NOW[after].replace('sides', 'sides still') : '';
}

function firstPart({ first: { before, after }, moved, worse }: Pick<Changes, 'first' | 'moved' | 'worse'>): string {
  if (moved && before && after) {
    return `the first wrong stage moved ${moved === 'later' ? 'on' : 'back'} from ${describe(before)} to ${describe(after)}`;
  }
  if (before || !after) return '';
  const change = worse.find((one) => isSame(one, after));
  return `${describe(after)} is the first wrong stage${change ? ` (${fromTo(change)})` : ''}`;
}

const isSame = (a: StageId, b: StageId): boolean => a.step === b.step && a.layer === b.layer && a.stage === b.stage;

/** @example fromTo(change) === '1.1e-7 → 8.4e-1' */
export const fromTo = ({ before, after }: StageChange): string => `${sizeText(before)} → ${sizeText(after)}`;

/** What cannot be compared has no delta, and what is not finite none that is a number. */
function sizeText({ verdict, delta }: Measured): string {
  if (verdict === 'incomparable') return 'none';
  return Number.isFinite(delta) ? short(delta) : 'not finite';
}

function stageParts({ better, worse, appeared, vanished }: Changes | Omit<Changes, 'summary'>): string[] {
  return [
    better.length > 0 ? `${count(better.length)} got better${inheriting(better, 'before')}` : '',
    worse.length > 0 ? `${count(worse.length)} got worse${inheriting(worse, 'after')}` : '',
    appeared.length > 0 ? `${count(appeared.length)} appeared` : '',
    vanished.length > 0 ? `${count(vanished.length)} vanished` : '',
  ];
}

/** @example count(2) === '2 stages' */
export const count = (stages: number): string => `${stages} ${stages === 1 ? 'stage' : 'stages'}`;

function inheriting(changes: readonly StageChange[], when: 'before' | 'after'): string {
  const number = changes.filter((change) => change[when].inherits !== null).length;
  if (number === 0) return '';
  return `, ${number} of them ${when === 'before' ? 'inherited' : number === 1 ? 'inherits' : 'inherit'} it`;
}

function causeParts({ causes: { gone, come } }: Pick<Changes, 'causes'>): string[] {
  const ids = (causes: Changes['causes']['gone']): string => causes.map(({ cause }) => cause.id).join(', ');
  return [gone.length > 0 ? `gone: ${ids(gone)}` : '', come.length > 0 ? `new: ${ids(come)}` : ''];
}
