import type { QuantizedType } from '../blocks.js';
import type { OracleConfig } from '../model.js';

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
