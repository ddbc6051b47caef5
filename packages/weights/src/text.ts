import { tameAll } from '@llama-probe/report/tame';
import Table from 'cli-table3';
import type { TensorReport, WeightsReport } from './report.js';
import { type Row, rowsOf } from './rows.js';

/** A report as text: the answer, what to do next, what is worth knowing, and a table of the tensors. */
export function weightsText(raw: WeightsReport): string {
  const report = tameAll(raw);
  const { model, reference, candidate, tensors } = report;
  const mark = { equal: '✓', differ: '✗', nothing: '?' }[report.verdict];
  const types = Object.entries(model.types).map(([type, count]) => `${count} ${type}`);
  return [
    `${mark} ${report.reason}`,
    ...report.next.map((line) => `  → ${line}`),
    '',
    `${model.file}: ${model.architecture}, ${model.bytes} bytes, ${model.tensors} tensors: ${types.join(', ')}`,
    `read by the engine's kernels on ${candidate.adapter}, and by ggml of llama.cpp ${reference.version}`,
    ...report.remarks.map((remark) => `! ${remark}`),
    ...tensors.filter(({ engine }) => engine === 'differs').map(firstDifference),
    table(rowsOf(tensors)),
    ...tensors.flatMap(valuesOf),
  ].join('\n');
}

function firstDifference({ name, bits }: TensorReport): string {
  const { differing = 0, first } = bits ?? {};
  if (!first) return `✗ ${name}`;
  return `✗ ${name}: ${differing} values differ, the first at row ${first.row}, column ${first.column}: the engine has ${number(first.engine)}, ggml ${number(first.ggml)}`;
}

function table(rows: readonly Row[]): string {
  const shown = new Table({
    head: ['', 'tensor', '×', 'type', 'shape', 'min', 'max', 'mean', 'RMS', 'zeros', 'NaN', 'Inf', 'SHA-256'],
    colAligns: ['left', 'left', 'right', 'left', 'left', ...Array(7).fill('right'), 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const { statistics: s } = row;
    const numbers = s ? [s.min, s.max, s.mean, s.rms].map((value) => value.toPrecision(4)) : ['', '', '', ''];
    const counts = s ? [s.zeros, s.nan, s.inf] : ['', '', ''];
    const shape = `[${row.shape.join(', ')}]`;
    shown.push([MARKS[row.engine], row.name, row.count, row.type, shape, ...numbers, ...counts, row.hash.slice(0, 12)]);
  }
  return shown.toString();
}

const MARKS = { equal: '✓', differs: '✗', 'not-computed': '–' } as const;

function valuesOf({ name, values }: TensorReport): string[] {
  if (!values) return [];
  const isSame = values.engine?.every((value, i) => Object.is(value, values.ggml[i]));
  return [
    `${name}, the first ${values.ggml.length} values${isSame ? ' (ggml and the engine)' : ', ggml'}:`,
    ...lines(values.ggml),
    ...(values.engine && !isSame ? [`${name}, the engine:`, ...lines(values.engine)] : []),
  ];
}

const A_LINE = 8;

/** @returns lines of eight, each after the index of its first */
function lines(values: readonly number[]): string[] {
  const count = Math.ceil(values.length / A_LINE);
  return Array.from({ length: count }, (_, line) => {
    const part = values.slice(line * A_LINE, (line + 1) * A_LINE);
    return `${String(line * A_LINE).padStart(6)}  ${part.map((value) => number(value).padStart(13)).join(' ')}`;
  });
}

/** As many digits as tell two floats apart. */
const number = (value: number): string => (Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(9))));
