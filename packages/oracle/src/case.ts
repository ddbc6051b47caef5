import type { Attention } from './attention.js';
import type { QuantizedType } from './blocks.js';
import type { OracleConfig } from './model.js';

/** A matrix of the model as the file has it: (rows, columns), row after row. */
export interface CaseWeight {
  readonly type: QuantizedType;
  readonly rows: number;
  readonly columns: number;
  readonly bytes: Uint8Array;
}

/** What a stage may know of the model. */
export interface CaseModel {
  readonly config: OracleConfig;
  readonly layers: number;
  /** By its name in the file, such as `blk.0.attn_q.weight`; undefined where the file has none. */
  weight(name: string): CaseWeight | undefined;
}

/** One stage at one place of a run, with everything that it is computed from. Rows are (rows, width), flat, in f64. */
export interface StageCase {
  readonly stage: string;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly step: number;
  /** Ids of all tokens up to the last row: prompt, then decoded. */
  readonly ids: readonly number[];
  readonly firstPosition: number;
  readonly rows: number;
  /** What `inputsOf` says, by stage name: `embd` or `l_out` (of the layer before) for the residual stream. */
  readonly inputs: Readonly<Record<string, Float64Array>>;
  /** Of `kq` the keys, of `kqv_out` the values, of all positions so far: (n_kv, kvHeads · headDim). */
  readonly cache?: Float64Array;
  readonly model: CaseModel;
}

/** An input of a case by its stage's name. A case without it was put together wrongly: nothing can be computed. */
export function inputOf(c: StageCase, name: string): Float64Array {
  const rows = c.inputs[name];
  if (!rows)
    throw new Error(`${c.stage}${c.layer === null ? '' : `-${c.layer}`} needs the rows of ${name}; the case has none.`);
  return rows;
}

/** The residual stream as it enters the layer, or leaves the last: l_out of the layer before, or embd. */
export const streamOf = (c: StageCase): Float64Array => c.inputs.l_out ?? inputOf(c, 'embd');

/** The name of a weight of the case's layer. @example nameOf(c, 'attn_q') // blk.3.attn_q.weight */
export const nameOf = (c: StageCase, stem: string, suffix = 'weight'): string =>
  c.layer === null ? `${stem}.${suffix}` : `blk.${c.layer}.${stem}.${suffix}`;

/** How the case's heads share the cache, and what its rows see. */
export function attentionOf(c: StageCase): Attention {
  const { headCount, headCountKv, headDim } = c.model.config;
  return { headCount, headCountKv, headDim, firstPosition: c.firstPosition };
}
