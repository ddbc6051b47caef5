import { appendFileSync, statSync } from 'node:fs';
import { type Finding, type Note, UsageError } from '@llama-probe/comparison/ask';
import { describe } from '@llama-probe/diff';
import { type FaultGroup, groupFaults, placeOf, stepsOf, worstOf } from './fault-groups.js';
import { markdown } from './markdown/markdown.js';
import { shorten } from './markdown/text.js';
import { errorsAt, isAllowed } from './notes.js';
import { tame } from './tame.js';
import { causeOfFirst, localDelta } from './words.js';

interface Annotation {
  readonly level: Note['level'];
  readonly title: string;
  readonly message: string;
  /** Of the code that computes what is wrong, if a run says that. */
  readonly source?: string | undefined;
}

const SHOWN = 10; // GitHub shows so many of each level and step, and says nothing of the rest
const LONGEST = 4000; // characters of a title or a message; names in them may be anybody's
const SUMMARY = 1 << 20; // bytes that GitHub takes of a step

/** Workflow commands: an error for each thing that is wrong, a warning for what a gate warns of, a notice where all is well. */
export function annotations(findings: readonly Finding[]): string {
  const all = findings.map(annotationsOf);
  // The first of every run before the second of any: a run whose error is not shown looks healthy.
  const most = Math.max(0, ...all.map((list) => list.length));
  const ordered = Array.from({ length: most }, (_, i) => all.flatMap((list) => list.slice(i, i + 1))).flat();
  const lines = (['error', 'warning', 'notice'] as const).flatMap((level) =>
    limited(ordered.filter((one) => one.level === level)),
  );
  return lines.map((one) => `${command(one)}\n`).join('');
}

function limited(list: readonly Annotation[]): readonly Annotation[] {
  const [first] = list;
  if (!first || list.length <= SHOWN) return list;
  const more = list.length - (SHOWN - 1);
  const message = `${more} more, of which GitHub would show nothing. The job summary and the other outputs have them.`;
  return [...list.slice(0, SHOWN - 1), { level: first.level, title: 'llama-probe: and more', message }];
}

function annotationsOf(finding: Finding): Annotation[] {
  const { name, verdict, reason, notes } = finding;
  const faults = verdict === 'agree' ? [] : (finding.report.faults ?? []).filter((fault) => !isAllowed(finding, fault));
  const isSaidThere = ({ level, at }: Note) =>
    level === 'error' && faults.some(({ layer, stage }) => at?.layer === layer && at.stage === stage);
  const noted = notes
    .filter((note) => !isSaidThere(note))
    .map(({ level, text, at }) => ({
      level,
      title: `${name}${at ? `: ${describe(at)}` : ''}`,
      message: text,
    }));
  if (verdict === 'agree') return [...noted, { level: 'notice', title: `llama-probe: ${name}`, message: reason }];
  const wrong = groupFaults(faults).map((group) => faultOf(finding, group));
  // A gate's errors say why it fails; without any, the reason does.
  const isSaid = wrong.length > 0 || noted.some(({ level }) => level === 'error');
  const whole: Annotation = { level: 'error', title: `llama-probe: ${name} ${verdict}`, message: reason };
  const { source } = finding.report.first?.where ?? {};
  return [...(isSaid ? [] : [{ ...whole, message: withDiagnosis(finding), source }]), ...wrong, ...noted];
}

function withDiagnosis({ reason, report }: Finding): string {
  const { first, tokenDiagnosis } = report;
  const diagnosis = causeOfFirst(report);
  return [
    reason,
    ...(first?.where ? [`where: ${first.where.text}`] : []),
    ...(diagnosis ? [`cause: ${diagnosis.text}`] : []),
    ...(tokenDiagnosis ? [tokenDiagnosis.text] : []),
  ].join('\n');
}

function faultOf(finding: Finding, group: FaultGroup): Annotation {
  const errors = group.flatMap((fault) => errorsAt(finding, fault));
  const message = [faultMessage(group), ...errors].join('\n');
  const { source } = group[0].where ?? {};
  return { level: 'error', title: `${finding.name}: ${placeOf(group)} is wrong`, message, source };
}

function faultMessage(group: FaultGroup): string {
  const [{ where, diagnosis }] = group;
  return [
    `at the steps ${stepsOf(group)}: ${localDelta(worstOf(group), group.length > 1)}`,
    ...(where ? [`where: ${where.text}`] : []),
    ...(diagnosis ? [`cause: ${diagnosis.text}`] : []),
  ].join('\n');
}

/** @example '::error title=model.gguf%3A q_rope is wrong::at the steps 0 to 16: …' */
function command({ level, title, message, source }: Annotation): string {
  const data = (text: string) =>
    tame(shorten(text, LONGEST).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'));
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const [, file, line] = /^(.+?)(?::(\d+))?$/s.exec(source ?? '') ?? [];
  const at = [
    ...(file ? [`file=${property(file)}`] : []),
    ...(line ? [`line=${line}`] : []),
    `title=${property(title)}`,
  ];
  return `::${level} ${at.join()}::${data(message)}`;
}

/** Adds the report to the job summary of GitHub Actions; elsewhere there is none. @throws UsageError where it cannot be written */
export async function writeSummary(findings: readonly Finding[]): Promise<void> {
  const { GITHUB_STEP_SUMMARY: path, GITHUB_ACTIONS: isGithub } = process.env;
  if (!path) {
    if (!isGithub) {
      process.stderr.write(
        '--github: no job summary was written, because this is not GitHub Actions (GITHUB_STEP_SUMMARY is not set).\n',
      );
    }
    return;
  }
  try {
    const content = Buffer.from(markdown(findings));
    const before = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (before + content.byteLength > SUMMARY) {
      process.stderr.write(
        `--github: the job summary has ${before} bytes already and takes ${SUMMARY}; the report was left out.\n`,
      );
      return;
    }
    appendFileSync(path, content);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--github: the job summary ${path} cannot be written (${code}). GITHUB_STEP_SUMMARY must name a file.`,
    );
  }
}
