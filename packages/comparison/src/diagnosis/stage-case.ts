import type { Graph, GraphStage, Place } from '@llama-probe/dump/stage';
import {
  type CaseModel,
  caseOf,
  type GraphOperations,
  hasWeights,
  queryOf,
  rowsBehind,
  type StageCase,
  type StageOperation,
} from '@llama-probe/oracle';
import type { KvRows } from './kv-rows.js';

/** One pass of a run: a piece of the prompt, or a decode step. */
export interface PassAt {
  readonly step: number;
  readonly firstPosition: number;
  readonly tokens: number;
}

/** Where a case's rows come from. */
export interface CaseSource {
  readonly model: CaseModel;
  readonly graph: Graph;
  /** Prompt, then decoded. */
  readonly ids: readonly number[];
  /** What each stage computes, where another graph than a Llama's says it. */
  readonly operations?: GraphOperations | undefined;
  /** Whether those are cases too that nobody knows an operation of: with the rows that the graph names. */
  readonly anyway?: boolean | undefined;
  /** K and V of all passes so far. */
  readonly kv: KvRows;
  /** The rows of a stage of this pass, from which the pass has gone on; undefined where they were not seen. */
  rowsOf(place: Place): Float32Array | undefined;
}

/** The scores that a softmax is taken of. */
export function scoresBehind(place: Place, graph: Graph): GraphStage | undefined {
  const stage = graph.at(place);
  const [scores] = stage?.op === 'SOFT_MAX' ? stage.inputs : [];
  return scores && graph.at(scores);
}

/** The places that a case of a stage has rows of. */
export interface PlacesBehind {
  /** Without these there is no case. */
  readonly inputs: readonly Place[];
  /** Those that some bugs need besides: the queries of the scores, and what was there before a bias was added. */
  readonly besides: readonly Place[];
  /** K or V, which come from earlier passes too. */
  readonly cached: Place | undefined;
  readonly operation: StageOperation | undefined;
}

/** What a case of a stage is made of; undefined where nobody knows what the stage computes. */
export function placesBehind(
  place: Place,
  {
    model,
    graph,
    operations,
    anyway,
    rowsOf,
  }: Pick<CaseSource, 'model' | 'graph' | 'operations' | 'anyway' | 'rowsOf'>,
): PlacesBehind | undefined {
  const known = operations?.at(place);
  const operation = known && hasWeights(known, model) ? known : undefined;
  if (operations && !operation && !anyway) return undefined;
  // A mask that leaks shows scores that kq does not have: those are computed from Q and K.
  const scores = operation ? operation.scores : scoresBehind(place, graph);
  const query = operation ? (operation.scores ? queryOf(operation.scores) : []) : (scores?.inputs ?? []).slice(0, 1);
  const hasQuery = query.length > 0 && query.every((one) => rowsOf(one) !== undefined);
  const unbiased = operation?.unbiased;
  const besides = [...(hasQuery ? query : []), ...(unbiased && rowsOf(unbiased) ? [unbiased] : [])];
  const inputs = operation ? [...rowsBehind(operation)] : graph.inputsOf(place);
  return { inputs, besides, cached: graph.cachedInputOf(hasQuery && scores ? scores : place), operation };
}

/** A stage with what it was computed from; undefined where something of that was not seen. */
export function stageCase(place: Place, pass: PassAt, source: CaseSource): StageCase | undefined {
  const behind = placesBehind(place, source);
  if (!behind) return undefined;
  const { model, ids, kv, rowsOf } = source;
  const { cached, operation } = behind;
  const inputs: Record<string, Float64Array> = {};
  for (const input of [...behind.inputs, ...behind.besides]) {
    const rows = rowsOf(input);
    if (!rows) return undefined;
    inputs[input.stage] = Float64Array.from(rows);
  }
  const nKv = pass.firstPosition + pass.tokens;
  const cache = cached && kv.upTo(cached, nKv);
  if (cached && !cache && behind.besides.length === 0) return undefined;
  const { step, firstPosition, tokens: rows } = pass;
  const at = { stage: place.stage, layer: place.layer, step, firstPosition, rows };
  const found = { ...at, tokens: ids.slice(0, nKv), inputs, ...(cache ? { cache } : {}), model };
  return operation ? caseOf(found, operation) : found;
}
