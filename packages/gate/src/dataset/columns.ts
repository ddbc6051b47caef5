import { COLUMNS, type Column, type Row } from '@llama-probe/report/tables';
import type { CaseFinding } from '../run/run-case.js';

/** What a data set's rows have in common. */
export interface Sweep {
  readonly version: string;
  /** Of the repository that the configuration is in, with `-dirty` behind it if files differ from it; null where there is none. */
  readonly commit: string | null;
}

/** A stage of a case. */
export interface DatasetRow {
  readonly sweep: Sweep;
  readonly finding: CaseFinding;
  readonly row: Row;
}

/** The same for all rows of a case. */
const ofCase = (of: (row: DatasetRow) => string | number | null) => of;

/** Of the row that has the logits after the prompt. */
const ofLogits =
  <T extends number | boolean>(of: (finding: CaseFinding) => T | undefined) =>
  ({ finding, row: { stage } }: DatasetRow): T | null =>
    stage?.stage === 'result_output' && stage.step === 0 ? (of(finding) ?? null) : null;

/** The columns of a data set: what was run, then those of `--arrow`. New ones are added at the end: people's queries name them. */
export const DATASET_COLUMNS: readonly Column<DatasetRow>[] = [
  { name: 'time', type: 'time', of: ofCase(({ finding }) => Date.parse(finding.time)) },
  { name: 'version', type: 'utf8', of: ofCase(({ sweep }) => sweep.version) },
  { name: 'commit', type: 'utf8', of: ofCase(({ sweep }) => sweep.commit) },
  { name: 'model', type: 'utf8', of: ofCase(({ finding }) => finding.axes.model) },
  { name: 'model_hash', type: 'utf8', of: ofCase(({ finding }) => finding.modelHash) },
  { name: 'quantize', type: 'utf8', of: ofCase(({ finding }) => finding.axes.quantize) },
  { name: 'quantization', type: 'utf8', of: ofCase(({ finding }) => finding.report.model.quantization) },
  { name: 'engine', type: 'utf8', of: ofCase(({ finding }) => finding.axes.engine) },
  { name: 'adapter', type: 'utf8', of: ofCase(({ finding }) => finding.report.candidate.adapter) },
  { name: 'prompt', type: 'utf8', of: ofCase(({ finding }) => finding.axes.prompt) },
  { name: 'reference', type: 'utf8', of: ofCase(({ finding }) => finding.report.reference.mode) },
  { name: 'kl', type: 'float64', of: ofLogits(({ report }) => report.logits?.klDivergence) },
  { name: 'top1', type: 'bool', of: ofLogits(({ report }) => report.logits?.top1Agree) },
  { name: 'quantize_kl', type: 'float64', of: ofLogits(({ quantized }) => quantized?.klDivergence) },
  { name: 'quantize_top1', type: 'bool', of: ofLogits(({ quantized }) => quantized?.top1Agree) },
  ...COLUMNS.map(({ name, type, of }): Column<DatasetRow> => ({ name, type, of: ({ row }) => of(row) })),
];
