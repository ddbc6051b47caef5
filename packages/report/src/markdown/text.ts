import { STEERING, tame } from '../tame.js';

/** Keeps GitHub from making a mention, a reference or a link of what stands around it, and is not seen. */
const APART = '\u200b';

/**
 * Text from anywhere as a line of Markdown that shows it and does nothing else: no markup, no HTML, no table cell that ends early, no
 * mention of a user, no reference that appears in a stranger's issue.
 */
export function text(plain: string): string {
  const apart = plain
    .replace(/[@#](?=\w)/g, `$&${APART}`)
    .replace(/\bGH-(?=\d)/gi, `$&${APART}`)
    .replace(/:\/\//g, `:${APART}//`)
    .replace(/\bwww\./gi, `$&${APART}`);
  return markup(apart).replace(/^(?:[-+=#]|\d+(?=[.)]))/, (mark) =>
    /^\d/.test(mark) ? `${APART}${mark}` : `\\${mark}`,
  );
}

/** What Markdown and HTML would take for markup, escaped; everything in one line. */
function markup(plain: string): string {
  return (
    plain
      .replace(/\s+/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('|', '&#124;')
      .replace(/[\\`*~[\]$]/g, '\\$&')
      // q_rope may stay as it is: within a word an underscore means nothing.
      .replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\_')
      .replace(STEERING, '\ufffd')
  );
}

/** Names and numbers as code: in it nothing is a mention. @example code('q_rope') === '`q_rope`' */
export const code = (plain: string): string =>
  /^[^`|]+$/.test(plain) && tame(plain) === plain && plain.trim() === plain
    ? `\`${plain}\``
    : `<code>${markup(plain)}</code>`;

/** A table. @param columns the heads; one that ends with a colon is aligned to the right, without it */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map((column) => column.replace(/:$/, ''))),
    line(columns.map((column) => (column.endsWith(':') ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

/** Something long that opens when it is clicked. @param summary is not escaped */
export const details = (summary: string, body: string): string =>
  `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;

/** The beginning of what is too long. */
export const shorten = (plain: string, length: number): string =>
  plain.length <= length ? plain : `${plain.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;

/** Characters of a sentence that somebody else's names may be in. */
export const LONG = 600;

/** A sentence, as long as it may be. */
export const long = (plain: string): string => text(shorten(plain, LONG));
