import type { Generated, Report } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import { describe, type StageResult, short, showLimit } from '@llama-probe/diff';
import { placeKey } from '@llama-probe/dump/stage';
import { about } from './about.js';
import { faults, firstWrong } from './faults.js';
import { code, details, LONG, long, shorten, table, text } from './text.js';

const STAGES = 8;
const NOTES = 20;

/** What there is to say about a run, in blocks; the first ones matter most. */
export function runBlocks(finding: Finding): string[] {
  const { report } = finding;
  const isWrong = report.verdict !== 'agree';
  return [
    notes(finding),
    ...(isWrong ? [firstWrong(report), tokens(report), faults(report)] : []),
    broken(report),
    worstStages(report.stages, isWrong),
    said(report),
    about(report),
  ].filter((block) => block !== '');
}

function notes({ notes }: Finding): string {
  const lines = notes.slice(0, NOTES).map(({ level, text: what, at }) => {
    return `- **${level}**${at ? ` at ${code(describe(at))}` : ''}: ${long(what)}`;
  });
  if (notes.length > NOTES) lines.push(`- … and ${notes.length - NOTES} more`);
  return lines.join('\n');
}

function tokens({ tokenDiagnosis }: Report): string {
  return tokenDiagnosis ? `**The tokens: ${text(tokenDiagnosis.title)}.** ${long(tokenDiagnosis.text)}` : '';
}

function broken({ checks, candidate, reference }: Report): string {
  const lines = [
    { name: candidate.name, broken: checks.candidate.broken },
    { name: reference.name, broken: checks.reference.broken },
  ].flatMap(({ name, broken }) => {
    const kinds = new Map(broken.map((one) => [one.check, one]).reverse() as [string, (typeof broken)[number]][]);
    return [...kinds.values()].reverse().map((one) => {
      const others = broken.filter(({ check }) => check === one.check).length - 1;
      return `- ${text(name)}, ${code(one.check)}: ${long(one.text)}${others > 0 ? ` The same at ${others} more places.` : ''}`;
    });
  });
  return lines.length === 0 ? '' : ['**Broken without any reference**', '', ...lines].join('\n');
}

/** Of each layer and name the worst step, furthest over the limit first. */
function worstStages(stages: readonly StageResult[], isWrong: boolean): string {
  const places = new Map<string, StageResult>();
  for (const stage of stages) {
    const key = placeKey(stage);
    const known = places.get(key);
    if (!known || shareOf(stage) > shareOf(known)) places.set(key, stage);
  }
  const worst = [...places.values()].sort((a, b) => shareOf(b) - shareOf(a)).slice(0, STAGES);
  if (worst.length === 0) return '';
  const head = ['stage', 'layer:', 'step:', 'relative delta:', 'limit:', 'of limit:', 'local:', 'verdict'];
  const rows = worst.map((stage) => [
    code(shorten(stage.stage, 80)),
    stage.layer === null ? '' : String(stage.layer),
    String(stage.step),
    short(stage.rel),
    showLimit(stage.limit),
    times(stage.ofLimit),
    stage.local === null ? '' : short(stage.local),
    stage.inherits ? `inherited from ${code(describe(stage.inherits))}` : verdictOf(stage),
  ]);
  const title = isWrong ? 'The stages that are furthest off' : 'The stages that are closest to their limits';
  return details(title, table(head, rows));
}

/** What could not be compared, and what is no number, comes first. */
const shareOf = ({ ofLimit, verdict }: StageResult): number =>
  verdict === 'incomparable' || Number.isNaN(ofLimit) ? Number.POSITIVE_INFINITY : ofLimit;

const times = (share: number): string => `${share < 10 ? share.toFixed(2) : share.toPrecision(2)} ×`;

const verdictOf = ({ verdict, reason }: StageResult): string =>
  reason ? `${verdict}: ${text(shorten(reason, 200))}` : verdict;

function said({ generated, candidate, reference }: Report): string {
  if (!generated) return '';
  const same = generated.candidate.tokens.join() === generated.reference.tokens.join();
  return table(
    ['', 'says'],
    [
      [text(reference.name), speech(generated.reference)],
      [text(candidate.name), `${speech(generated.candidate)}${same ? ' (the same tokens)' : ' (**other tokens**)'}`],
    ],
  );
}

const speech = ({ text: what, tokens }: Generated): string =>
  code(shorten(what === null ? `the tokens ${tokens.join(' ')}` : JSON.stringify(what), LONG));
