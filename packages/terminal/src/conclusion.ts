import { stripVTControlCharacters } from 'node:util';
import { culpritsText, headlineLine, tame, tameReport } from '@llama-probe/report';
import { width } from './line.js';
import { remarksOf } from './remarks.js';
import type { ReportHead } from './worker/protocol.js';

/** What the terminal view has come to when it is left. */
export interface End {
  /** The last report that there was; null if the view was left before any. */
  readonly report: ReportHead | null;
  /** Another run had begun after it, and was not brought to its end. */
  readonly isUnfinished: boolean;
  /** Files that were written, by the command's options or by hand. */
  readonly written: readonly string[];
  /** Why the last run has no report. */
  readonly failure: { readonly message: string; readonly code: string | null } | null;
}

/** What stays among the shell's lines: what is wrong, where to look, how sure that is, and what else there is to know. */
export function conclusion({ report, isUnfinished, written }: End, columns = Number.POSITIVE_INFINITY): string {
  if (!report) return 'probe: left before there was a verdict.\n';
  const shown = tameReport(report);
  const culprits = culpritsText(shown);
  const where = shown.first?.where ? [`  where: ${shown.first.where.text}`] : [];
  const remarks = remarksOf(shown).map((text) => `  ${text}`);
  const note = isUnfinished
    ? ['  This verdict is of the run before: the next one had begun, and was left before it had any.']
    : [];
  const files = written.map((path) => `  wrote ${tame(path)}`);
  const said = [headlineLine(shown), ...(culprits ? culprits.split('\n') : []), ...where, ...remarks, ...note];
  return `${[...said.map((line) => atWords(line, columns)), ...files].join('\n')}\n`;
}

/** A line broken between words, each further line indented; a longer word stays whole, so that it can be copied. */
function atWords(text: string, columns: number): string {
  const [indent = ''] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = indent;
  for (const word of text.trim().split(' ')) {
    const longer = line.trim() === '' ? `${line}${word}` : `${line} ${word}`;
    if (line.trim() === '' || width(stripVTControlCharacters(longer)) <= columns) line = longer;
    else {
      lines.push(line);
      line = `${indent}  ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
