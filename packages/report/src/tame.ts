import type { Report } from '@llama-probe/comparison';

// Whatever moves a cursor, changes colours or turns the direction of writing: names and texts of a dump are anybody's.
const CONTROLS = /[\p{Cc}\p{Cs}\u061c\u2028-\u202e\u2066-\u2069]/gu;
const BUT_C0 = /[\x7f-\x9f\p{Cs}\u061c\u2028-\u202e\u2066-\u2069]/gu;

/** A text from outside: what would do something to the terminal is shown as a dot. */
export const tame = (text: string): string => text.replace(CONTROLS, '·');

/** The same for every text of some plain data. */
export const tameAll = <T>(data: T): T => each(data, tame);

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
