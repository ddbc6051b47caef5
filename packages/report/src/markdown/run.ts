import type { Report } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import { describe, type StageResult, short, showLimit } from '@llama-probe/diff';
import { placeKey } from '@llama-probe/dump/stage';
import { brokenLines, sayTheSame, speech, times } from '../words.js';
import { about } from './about.js';
import { culprits, faults, firstWrong } from './faults.js';
import { map } from './map.js';
import { code, details, LONG, long, shorten, table, text } from './text.js';

const STAGES = 8;
const NOTES = 20;
const BROKEN = 12;

/** What there is to say about a run, in blocks; the first ones matter most. */
export function runBlocks(finding: Finding): string[] {
  const { report } = finding;
  const isWrong = report.verdict !== 'agree';
  return [
    ...(isWrong ? [culprits(report), tokens(report), map(report)] : []),
    notes(finding),
    said(report),
    ...(isWrong ? [firstWrong(report, finding.reason), faults(report)] : []),
    broken(report),
    ...(isWrong ? [] : [map(report)]),
    worstStages(report.stages, isWrong),
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
    { name: candidate.name, checked: checks.candidate },
    { name: reference.name, checked: checks.reference },
  ].flatMap(({ name, checked }) =>
    brokenLines(checked).map(({ check, text: what }) => `- ${text(name)}, ${code(check)}: ${long(what)}`),
  );
  if (lines.length === 0) return '';
  const more = lines.length > BROKEN ? [`- … and ${lines.length - BROKEN} more`] : [];
  return ['**Broken without any reference**', '', ...lines.slice(0, BROKEN), ...more].join('\n');
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

const verdictOf = ({ verdict, reason }: StageResult): string =>
  reason ? `${verdict}: ${text(shorten(reason, 200))}` : verdict;

function said({ generated, candidate, reference }: Report): string {
  if (!generated) return '';
  const says = (side: keyof typeof generated) => code(shorten(speech(generated[side]), LONG));
  return table(
    ['', 'says'],
    [
      [text(reference.name), says('reference')],
      [
        text(candidate.name),
        `${says('candidate')}${sayTheSame(generated) ? ' (the same tokens)' : ' (**other tokens**)'}`,
      ],
    ],
  );
}
