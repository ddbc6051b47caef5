import { appendFileSync, statSync } from 'node:fs';
import { type Finding, UsageError } from '@llama-probe/comparison/ask';
import { type Annotation, annotationsOf } from './annotations.js';
import { markdown } from './markdown/markdown.js';
import { shorten } from './markdown/text.js';
import { tame } from './tame.js';

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
  return [...list.slice(0, SHOWN - 1), { level: first.level, title: 'llama-probe: and more', message, sources: [] }];
}

/** @example '::error title=GELU in place of SiLU%3A ffn_swiglu%2C layer 2 (model.gguf)::where to look: …' */
function command({ level, title, message, sources: [source] }: Annotation): string {
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
