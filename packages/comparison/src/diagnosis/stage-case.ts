import type { Graph, GraphStage, Place } from '@llama-probe/dump/stage';
import {
  type CaseModel,
  caseOf,
  type GraphOperations,
  hasWeights,
  rowsBehind,
  type StageCase,
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

/** A stage with what it was computed from; undefined where something of that was not seen. */
export function stageCase(
  place: Place,
  pass: PassAt,
  { model, graph, operations, ids, anyway, kv, rowsOf }: CaseSource,
): StageCase | undefined {
  const known = operations?.at(place);
  const operation = known && hasWeights(known, model) ? known : undefined;
  if (operations && !operation && !anyway) return undefined;
  const inputs: Record<string, Float64Array> = {};
  for (const input of operation ? rowsBehind(operation) : graph.inputsOf(place)) {
    const rows = rowsOf(input);
    if (!rows) return undefined;
    inputs[input.stage] = Float64Array.from(rows);
  }
  // A mask that leaks shows scores that kq does not have: those are computed from Q and K.
  const scores = operation ? operation.scores : scoresBehind(place, graph);
  const [query] = operation ? (operation.scores ? rowsBehind(operation.scores) : []) : (scores?.inputs ?? []);
  const queries = query && rowsOf(query);
  if (queries) inputs[query.stage] = Float64Array.from(queries);
  // A bug may need what was there before a bias was added.
  const unbiased = operation?.unbiased && rowsOf(operation.unbiased);
  if (operation?.unbiased && unbiased) inputs[operation.unbiased.stage] = Float64Array.from(unbiased);
  const nKv = pass.firstPosition + pass.tokens;
  const cached = graph.cachedInputOf(queries && scores ? scores : place);
  const cache = cached && kv.upTo(cached, nKv);
  if (cached && !cache && !queries) return undefined;
  const { step, firstPosition, tokens: rows } = pass;
  const at = { stage: place.stage, layer: place.layer, step, firstPosition, rows };
  const found = { ...at, tokens: ids.slice(0, nKv), inputs, ...(cache ? { cache } : {}), model };
  return operation ? caseOf(found, operation) : found;
}
