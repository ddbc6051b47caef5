import type { TensorReport } from './report.js';

const SHOWN = 3;

/** What is worth knowing of a file's values, each in a sentence, the worst first. */
export function remarksOn(tensors: readonly TensorReport[], duplicates: readonly (readonly string[])[]): string[] {
  const remarks: string[] = [];
  const say = (names: readonly string[], what: string) => {
    if (names.length > 0) remarks.push(`${listed(names)}: ${what}`);
  };
  for (const { name, statistics } of tensors) {
    const bad = statistics?.firstBad;
    if (!statistics || !bad) continue;
    const { nan, inf } = statistics;
    const what = [nan > 0 ? `${nan} NaN` : '', inf > 0 ? `${inf} infinite` : ''].filter(Boolean).join(' and ');
    remarks.push(
      `${name} holds ${what}, first at row ${bad.row}, column ${bad.column}: the file itself is damaged, and every engine computes NaN from it.`,
    );
  }
  for (const { name, statistics } of tensors) {
    if (!statistics?.loud) continue;
    const { row, column, times } = statistics.loud;
    remarks.push(
      `${name}: the block at row ${row}, column ${column} is ${times.toPrecision(2)} times as large as all else of the tensor: its scale may be damaged (a heuristic).`,
    );
  }
  for (const { name, statistics, shape } of tensors) {
    if (!statistics || statistics.deadRows === 0) continue;
    const rows = shape.slice(1).reduce((product, length) => product * length, 1);
    const which = statistics.deadRows === rows ? 'is zero' : `has ${statistics.deadRows} of ${rows} rows of zeros`;
    remarks.push(
      `${name} ${which}${statistics.deadRows === rows ? '.' : `, the first is row ${statistics.firstDead}.`}`,
    );
  }
  for (const names of duplicates) remarks.push(sameBytes(names));
  say(
    tensors.filter(({ bits }) => (bits?.flushed ?? 0) > 0).map(({ name }) => name),
    'subnormal numbers became zero on the adapter, as WGSL lets it.',
  );
  say(
    tensors.filter(({ bits }) => (bits?.zeroSigns ?? 0) > 0).map(({ name }) => name),
    'some zeros have another sign than ggml gives them, which no product shows.',
  );
  return remarks;
}

function sameBytes(names: readonly string[]): string {
  if (names.includes('output.weight') && names.includes('token_embd.weight')) {
    return 'output.weight is a copy of token_embd.weight: the head is tied to the embedding.';
  }
  return `${listed(names)} have the same bytes. If they are not meant to, the converter wrote one of them twice.`;
}

/** @example listed(['a', 'b', 'c', 'd', 'e']) === 'a, b, c and 2 more' */
export const listed = (names: readonly string[], most = SHOWN): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
