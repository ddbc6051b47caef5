import type { Report } from '@llama-probe/comparison';

// Whatever moves a cursor, changes colours or turns the direction of writing: names and texts of a dump are anybody's.
export const STEERING = /[\p{Cc}\p{Cs}\u061c\u2028-\u202e\u2066-\u2069]/gu;
const BUT_C0 = /[\x7f-\x9f\p{Cs}\u061c\u2028-\u202e\u2066-\u2069]/gu;

/** A text from outside: what would do something to the terminal is shown as a dot. */
export const tame = (text: string): string => text.replace(STEERING, '·');

/** Where a line begins with a command of a CI, as of GitHub (`::error::`) or Azure (`##[`). */
const CI_COMMAND = /^[^\S\n]*(?=::|##\[)/gm;

/** Lines none of which a CI takes for a command of its own. */
export const noCommand = (text: string): string => text.replace(CI_COMMAND, '· ');

const MOST_LINES = 40;
const LONGEST_LINE = 1000;

/** A text for a line of its own: as long as can be read, since a name may be a megabyte and be on many lines, and no command of a CI. */
export function shown(text: string): string {
  const safe = noCommand(tame(text.slice(0, LONGEST_LINE)));
  return text.length > LONGEST_LINE ? `${safe}… (${text.length} characters)` : safe;
}

/**
 * The message of an error, whose names and values may be a file's: each line tamed and of a length that can be read, and none that a CI would
 * take for a command of its own (`::error::` of GitHub, `##[` of Azure).
 */
export function tameMessage(message: string): string {
  const lines = message.split(/\r?\n/);
  const more = lines.length > MOST_LINES ? [`… and ${lines.length - MOST_LINES} more lines`] : [];
  const first = lines.slice(0, MOST_LINES).map(shown);
  return [...first, ...more].join('\n');
}

/** The same for every text of some plain data. */
export const tameAll = <T>(data: T): T => each(data, shown);

/** What a terminal may show of a report. What a model says is written as JSON, which escapes line breaks by itself. */
export function tameReport<R extends Partial<Report>>(report: R): R {
  const { generated, top, ...rest } = report;
  const spoken = each({ generated, top }, (text) => text.replace(BUT_C0, '·'));
  return { ...tameAll(rest), ...spoken } as R;
}

function each<T>(data: T, change: (text: string) => string): T {
  if (typeof data === 'string') return change(data) as T;
  if (Array.isArray(data)) return data.map((one) => each(one, change)) as T;
  if (data === null || typeof data !== 'object' || ArrayBuffer.isView(data)) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, each(value, change)])) as T;
}
