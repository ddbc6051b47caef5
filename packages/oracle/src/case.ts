import type { Place } from '@llama-probe/dump';
import type { Attention } from './attention.js';
import type { QuantizedType } from './blocks.js';
import type { OracleConfig } from './model.js';
import { isInner, operationAt, type StageOperation } from './stage-operations.js';

/** A matrix of the model as the file has it: (rows, columns), row after row. */
export interface CaseWeight {
  readonly type: QuantizedType;
  readonly rows: number;
  readonly columns: number;
  readonly bytes: Uint8Array;
  /** Its numbers, row after row, where it is read so often that they are kept. */
  readonly numbers?: Float64Array;
}

/** What a stage may know of the model. */
export interface CaseModel {
  readonly config: OracleConfig;
  readonly layers: number;
  /** By its name in the file, such as `blk.0.attn_q.weight`; undefined if the file has none. */
  weight(name: string): CaseWeight | undefined;
}

/** One stage at one place of a run, with everything that it is computed from. Rows are (rows, width), flat, in f64. */
export interface StageCase {
  readonly stage: string;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly step: number;
  /** The ids of all tokens up to the last row: prompt, then decoded. */
  readonly tokens: readonly number[];
  readonly firstPosition: number;
  readonly rows: number;
  /** The rows that the stage is computed from, by stage name: `embd` or `l_out` (of the layer before) for the residual stream. */
  readonly inputs: Readonly<Record<string, Float64Array>>;
  /** All positions so far of the keys (for `kq`) or the values (for `kqv_out`): (n_kv, kvHeads · headDim). */
  readonly cache?: Float64Array;
  readonly model: CaseModel;
  /** What is computed here, where another graph than a Llama's says it. */
  readonly operation?: StageOperation;
}

/** What is computed at the case's stage. */
export const operationOf = (c: StageCase): StageOperation => c.operation ?? operationAt(c, c.model.layers);

/** The stage of a Llama whose known bugs a case may have. */
export const roleOf = (c: StageCase): string => c.operation?.role ?? c.stage;

/** The case of another operation on the same rows. */
export function caseOf(c: StageCase, operation: StageOperation): StageCase {
  const { stage, layer, config = c.model.config } = operation;
  return { ...c, stage, layer, operation, model: { ...c.model, config } };
}

/** The stages whose rows an operation takes, through what is computed on the way. */
export function* rowsBehind({ inputs }: StageOperation): Generator<Place> {
  for (const input of inputs) {
    if (isInner(input)) yield* rowsBehind(input);
    else yield input;
  }
}

/** The stages whose rows the queries of scores are made of. */
export function queryOf({ inputs: [query] }: StageOperation): readonly Place[] {
  if (!query) return [];
  return isInner(query) ? [...rowsBehind(query)] : [query];
}

/** An input of the case's operation, by its place in the operation's order. @throws Error if the case was made without it */
export function inputOf(c: StageCase, index: number): Float64Array {
  const input = operationOf(c).inputs[index];
  if (!input) throw new Error(`${nameOf(c)} has no input ${index}.`);
  return rowsOf(c, input);
}

/** The rows of another stage that the case was made with. @throws Error if it was made without them */
export function rowsOf(c: StageCase, { stage }: Place): Float64Array {
  const rows = c.inputs[stage];
  if (!rows) throw new Error(`${nameOf(c)} needs the rows of ${stage}; the case has none.`);
  return rows;
}

const nameOf = ({ stage, layer }: StageCase): string => `${stage}${layer === null ? '' : `-${layer}`}`;

/** The name of a tensor of the case's layer. @example tensorName(c, 'attn_q') // blk.3.attn_q.weight */
export const tensorName = (c: StageCase, stem: string, suffix = 'weight'): string =>
  c.layer === null ? `${stem}.${suffix}` : `blk.${c.layer}.${stem}.${suffix}`;

/** Some rows of a weight have its name, and which they are as Python writes it: `blk.0.attn_qkv.weight[128:192]`. */
export const partName = (name: string, rows: readonly [number, number] | undefined): string =>
  rows ? `${name}[${rows[0]}:${rows[1]}]` : name;

/** The name of the weight that the case's operation reads; undefined if it reads none. */
export function weightName(c: StageCase): string | undefined {
  const { weight, tied, rowsOfWeight } = operationOf(c);
  if (weight === undefined) return undefined;
  const own = partName(tensorName(c, weight), rowsOfWeight);
  return tied !== undefined && !c.model.weight(own) ? tensorName(c, tied) : own;
}

/** The name of the bias that is added to the case's product, should the file have one. */
export function biasName(c: StageCase): string | undefined {
  const { weight, bias, rowsOfWeight } = operationOf(c);
  if (weight === undefined || bias === false) return undefined;
  return bias ? tensorName(c, bias, 'bias') : partName(tensorName(c, weight, 'bias'), rowsOfWeight);
}

/** The bias that is added to the case's product; undefined if the file has none. */
export function biasOf(c: StageCase): CaseWeight | undefined {
  const name = biasName(c);
  return name === undefined ? undefined : c.model.weight(name);
}

/** How many heads the case's rows are made of. */
export function headsOf(c: StageCase): number {
  const { headCount, headCountKv } = c.model.config;
  return operationOf(c).heads === 'kv' ? headCountKv : headCount;
}

/** How the case's heads share the cache, and what its rows see. */
export function attentionOf(c: StageCase): Attention {
  const { headCount, headCountKv, headDim, window } = c.model.config;
  return { headCount, headCountKv, headDim, firstPosition: c.firstPosition, window };
}
