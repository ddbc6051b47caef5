import Table from 'cli-table3';
import { expect, test } from 'vitest';
import { BORDERLESS, type TableHead, tableOf } from '../src/text/table.js';

const COLUMNS: TableHead = { head: ['layer', 'stage', ''], colAligns: ['right', 'left', 'left'] };

test.each([
  [
    'of plain text',
    [
      ['0', 'q_proj', 'agree'],
      ['', 'a_longer_stage', ''],
      ['12', '', '\x1b[31mDIVERGED\x1b[39m: why'],
    ],
  ],
  [
    'of Latin letters',
    [
      ['0', 'q_proj', '\x1b[32m0.06 ×\x1b[39m · §'],
      ['1', 'soft\u00adhyphen', 'agree'],
    ],
  ],
  [
    'with wide characters',
    [
      ['0', '層の出力', '✓'],
      ['1', 'l_out', 'agree'],
    ],
  ],
  ['of nothing', []],
])('a table %s is what cli-table3 makes of it', (_, rows) => {
  const table = new Table({ head: [...COLUMNS.head], colAligns: [...COLUMNS.colAligns], ...BORDERLESS });
  for (const row of rows) table.push([...row]);
  expect(tableOf(COLUMNS, rows)).toBe(table.toString());
});
