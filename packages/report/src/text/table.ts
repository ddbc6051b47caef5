import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';

/** How every table of this command looks: columns and nothing else. */
export const BORDERLESS = {
  style: { head: [], border: [], compact: true },
  chars: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: ' ',
  },
};

export interface TableHead {
  readonly head: readonly string[];
  readonly colAligns: readonly ('left' | 'right')[];
}

/**
 * A table of many rows: each column as wide as its widest cell. cli-table3 takes a millisecond or two for each row, most of them for how wide its
 * characters are; what is plain Latin, colours apart, is as wide as it is long, and put together here. It is the same text.
 */
export function tableOf({ head, colAligns }: TableHead, rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map((text) => ({ text, plain: stripVTControlCharacters(text) })));
  if (!all.every((row) => row.every(({ plain }) => PLAIN.test(plain)))) {
    const table = new Table({ head: [...head], colAligns: [...colAligns], ...BORDERLESS });
    for (const row of rows) table.push([...row]);
    return table.toString();
  }
  const widths = head.map((_, i) => all.reduce((most, row) => Math.max(most, row[i]?.plain.length ?? 0), 0));
  const cell = ({ text, plain }: { readonly text: string; readonly plain: string }, i: number) => {
    const fill = ' '.repeat((widths[i] as number) - plain.length);
    return colAligns[i] === 'right' ? ` ${fill}${text} ` : ` ${text}${fill} `;
  };
  return all.map((row) => row.map(cell).join(' ')).join('\n');
}

/** ASCII and Latin-1, whose soft hyphen has no width. */
const PLAIN = /^[ -~\u00a1-\u00ac\u00ae-\u00ff]*$/;
