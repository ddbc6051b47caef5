export { arrowFile } from './arrow.js';
export { COLUMNS, type Column, type Row, rowsOf } from './rows.js';
