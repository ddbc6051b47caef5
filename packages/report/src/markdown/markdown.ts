import type { Finding } from '@llama-probe/comparison/ask';
import type { Verdict } from '@llama-probe/diff';
import { describe } from '@llama-probe/diff';
import { headlineOf } from '../culprits.js';
import { furthest, MARKS, times } from '../words.js';
import { runBlocks } from './run.js';
import { code, shorten, table, text } from './text.js';

/** What GitHub takes for a comment is 65536 characters; what a bot puts before it needs some room. */
const MOST = 64_000;
const ROWS = 100;
const REASON = 1000;
const TITLE = 300;

const GRAVITY: Readonly<Record<Verdict, number>> = { diverged: 2, incomparable: 1, agree: 0 };

/** A comment for a pull request, and the job summary of GitHub Actions: of one run, or of several with a table of them. */
export function markdown(findings: readonly Finding[]): string {
  const [only] = findings;
  return findings.length === 1 && only ? ofOne(only) : ofSeveral(findings);
}

function ofOne(finding: Finding): string {
  const { name, verdict, report } = finding;
  const found = verdict === 'diverged' ? headlineOf(report) : null;
  const headline = `## ${MARKS[verdict]} ${found ? text(shorten(found, TITLE)) : `llama-probe: ${verdict}`}`;
  const what = found
    ? `llama-probe: ${code(shorten(name, 200))} ${verdict}`
    : `${code(shorten(name, 200))}: ${text(shorten(finding.reason, REASON))}`;
  return joined([[headline, what, ...runBlocks(finding)]]);
}

function ofSeveral(findings: readonly Finding[]): string {
  const bad = findings.filter(({ verdict }) => verdict !== 'agree');
  const worst = findings.reduce<Verdict>((a, { verdict }) => (GRAVITY[verdict] > GRAVITY[a] ? verdict : a), 'agree');
  const count =
    bad.length === 0 ? `all ${findings.length} runs agree` : `${bad.length} of ${findings.length} runs do not agree`;
  const sorted = [...findings].sort((a, b) => GRAVITY[b.verdict] - GRAVITY[a.verdict]);
  const rest = sorted.slice(ROWS);
  const hidden = rest.length > 0 ? [`and ${rest.length} more, ${rest.filter(isBad).length} of which do not agree`] : [];
  const overview = table(
    ['', 'run', 'first wrong stage', 'cause', 'furthest of its limit:'],
    sorted.slice(0, ROWS).map(row),
  );
  // What is healthy and has nothing noted about it is in the table, and that is enough.
  const sections = sorted
    .filter((finding) => isBad(finding) || finding.notes.length > 0)
    .map((finding) => [
      `### ${MARKS[finding.verdict]} ${text(shorten(finding.name, 200))}`,
      text(shorten(summary(finding), REASON)),
      ...runBlocks(finding),
    ]);
  return joined([[`## ${MARKS[worst]} llama-probe: ${count}`, overview, ...hidden], ...sections]);
}

const summary = ({ verdict, reason, report }: Finding): string =>
  (verdict === 'diverged' ? headlineOf(report) : null) ?? reason;

const isBad = ({ verdict }: Finding): boolean => verdict !== 'agree';

function row({ name, verdict, report, notes }: Finding): string[] {
  const { first, stages } = report;
  const error = notes.find(({ level }) => level === 'error'); // a gate may fail what no stage is over its limit in
  const at = first ?? error?.at;
  return [
    MARKS[verdict],
    code(shorten(name, 120)),
    at ? code(shorten(describe(at), 120)) : verdict === 'incomparable' ? 'could not be compared' : '',
    first ? (first.cause ? text(first.cause.title) : 'unknown') : error ? text(shorten(error.text, 200)) : '',
    stages.length === 0 ? '' : times(furthest(stages)),
  ];
}

/** The sections one after the other, each with as many of its blocks as there is room for. */
function joined(sections: readonly (readonly string[])[]): string {
  const parts: string[] = [];
  let length = 0;
  let left = 0;
  for (const section of sections) {
    let isCut = false;
    for (const block of section) {
      isCut ||= length + block.length + 2 > MOST;
      if (isCut) continue;
      parts.push(block);
      length += block.length + 2;
    }
    if (isCut) left++;
  }
  if (left > 0) {
    const what = left === 1 ? 'One section was' : `${left} sections were`;
    parts.push(`*${what} cut: a comment on GitHub holds 65536 characters. The other outputs have everything.*`);
  }
  return `${parts.join('\n\n')}\n`;
}
