import { tameAll } from '@llama-probe/report/tame';
import { groupsOf } from './conclude.js';
import type { PairReport, WeightsComparison } from './report.js';

/** A comparison of weights as text: the answer, what to do next, and a line for each kind of relation. */
export function comparisonText(raw: WeightsComparison): string {
  const { verdict, reason, next, model, other, reference, pairs, missing, extra, remarks } = tameAll(raw);
  const mark = { equal: '✓', differ: '✗', nothing: '?' }[verdict];
  return [
    `${mark} ${reason}`,
    ...next.map((line) => `  → ${line}`),
    '',
    `the model: ${model.file}, ${model.architecture}, ${model.tensors} tensors, as ggml of llama.cpp ${reference.version} reads them`,
    `against:   ${other.file}, ${other.format}, ${other.tensors} tensors`,
    ...remarks.map((remark) => `! ${remark}`),
    '',
    ...groupsOf(pairs.filter(({ verdict: one }) => one === 'differs')).flatMap(groupLines),
    ...groupsOf(pairs.filter(({ verdict: one }) => one === 'equal')).flatMap(groupLines),
    ...missing.map((name) => `✗ ${name}: missing there`),
    ...extra.map((name) => `– ${name}: there only`),
  ].join('\n');
}

function groupLines({ family, tensors, text }: ReturnType<typeof groupsOf>[number]): string[] {
  const [pair] = tensors as [PairReport];
  const many = tensors.length > 1 ? ` × ${tensors.length}` : '';
  const types = `${pair.type} [${pair.shape.join(', ')}] and ${pair.otherType} [${pair.otherShape.join(', ')}]`;
  const head = `${pair.verdict === 'equal' ? '✓' : '✗'} ${family}${many}, ${types}: ${text}`;
  if (pair.verdict === 'equal' || !pair.first) return [head];
  const { row, column, block, ours, theirs } = pair.first;
  const where = `the first that differs${pair.layout.length > 0 ? ', once that is undone' : ''}`;
  return [
    head,
    `    ${pair.name}: ${where}: row ${row}, column ${column} (block ${block} of the row): the model has ${short(ours)}, the other side ${short(theirs)}`,
  ];
}

const short = (value: number): string => String(Number(value.toPrecision(9)));
