import { appendFileSync, statSync } from 'node:fs';
import { type Finding, type Note, UsageError } from '@llama-probe/comparison/ask';
import { describe } from '@llama-probe/diff';
import { type Culprit, culpritsOf, nameOf, sureness } from './culprits.js';
import { groupFaults, placeOf, stepsOf, worstOf } from './fault-groups.js';
import { markdown } from './markdown/markdown.js';
import { shorten } from './markdown/text.js';
import { errorsAt, isAllowed } from './notes.js';
import { tame } from './tame.js';
import { localDelta, withoutCause } from './words.js';

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

/** Workflow commands: an error for each bug, a warning for what a gate warns of, a notice where all is well. */
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
  const wrong =
    faults.length === 0 ? [] : culpritsOf({ ...finding.report, faults }).map((one) => wrongOf(finding, one));
  // A gate's errors say why it fails; without any, the reason does.
  const isSaid = wrong.length > 0 || noted.some(({ level }) => level === 'error');
  return [...(isSaid ? [] : [wholeOf(finding)]), ...wrong, ...noted];
}

/** The run, where no stage is known to be wrong by itself. */
function wholeOf(finding: Finding): Annotation {
  const { name, verdict, reason, report } = finding;
  const [culprit] = verdict === 'diverged' ? culpritsOf({ ...report, faults: null }) : [];
  const { first, tokenDiagnosis } = report;
  return {
    level: 'error',
    title: culprit ? titleOf(name, culprit) : `llama-probe: ${name} ${verdict}`,
    message: [
      ...(culprit ? toDo(culprit) : []),
      culprit ? withoutCause({ reason, first }) : reason,
      ...(first?.where ? [`where: ${first.where.text}`] : []),
      ...(tokenDiagnosis ? [tokenDiagnosis.text] : []),
    ].join('\n'),
    source: first?.where?.source,
  };
}

/** @example 'RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3 (model.gguf, 9 tokens)' */
const titleOf = (name: string, culprit: Culprit): string => `${nameOf(culprit)} (${name})`;

const toDo = (culprit: Culprit): string[] => [`where to look: ${culprit.look}`, `how sure: ${sureness(culprit)}`];

function wrongOf(finding: Finding, culprit: Culprit): Annotation {
  const { name } = finding;
  const evidence = groupFaults(culprit.faults).map((group) => {
    const [{ where }] = group;
    const delta = `${placeOf(group)} at the steps ${stepsOf(group)}: ${localDelta(worstOf(group), group.length > 1)}`;
    return [delta, ...(where ? [`where: ${where.text}`] : [])].join('\n');
  });
  const errors = culprit.faults.flatMap((fault) => errorsAt(finding, fault));
  const source = culprit.faults.find(({ where }) => where?.source)?.where?.source;
  return {
    level: 'error',
    title: titleOf(name, culprit),
    message: [...toDo(culprit), ...evidence, ...errors].join('\n'),
    source,
  };
}

/** @example '::error title=GELU in place of SiLU%3A ffn_swiglu%2C layer 2 (model.gguf)::where to look: …' */
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
