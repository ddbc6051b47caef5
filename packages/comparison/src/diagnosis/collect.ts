import type { Floor, StageResult } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Place, stageKey } from '@llama-probe/dump/stage';
import type { StageCase } from '@llama-probe/oracle';
import { KvRows } from './kv-rows.js';
import { PassRows } from './pass-rows.js';
import { type CaseSource, stageCase } from './stage-case.js';

/** A faulty stage with its inputs, what the candidate made of them, and what is right. */
export interface SickCase {
  readonly fault: Pick<StageResult, 'step' | 'layer' | 'stage' | 'token' | 'limits'>;
  readonly case: StageCase;
  readonly sick: Float32Array;
  readonly right: Float32Array;
  /** What one rounding makes of the stage, where the candidate keeps its values in 16 bits. */
  readonly rounding?: Floor | undefined;
}

export type CasesIn = Pick<CaseSource, 'model' | 'graph' | 'operations' | 'ids' | 'anyway'>;

/** A stage of a run: the rows that the run went on from, and what is right there. */
export interface WentOn {
  readonly from: Tensor;
  readonly right: Tensor;
}

/** Of a run that went on from what is right. */
export async function* wentOnFrom(tensors: AsyncIterable<Tensor>): AsyncGenerator<WentOn> {
  for await (const tensor of tensors) yield { from: tensor, right: tensor };
}

/**
 * Reads a run once more, for the inputs of its faulty stages.
 *
 * @param sick what the candidate computed
 * @param inputs every stage that this was computed from, and what is right
 */
export async function collectCases(
  faults: readonly SickCase['fault'][],
  sick: AsyncIterable<Tensor>,
  inputs: AsyncIterable<WentOn>,
  { model, graph, operations, ids, anyway }: CasesIn,
): Promise<SickCase[]> {
  const wanted = new Map(faults.map((fault) => [stageKey(fault), fault]));
  const isWanted = (tensor: Tensor) => {
    const fault = wanted.get(stageKey(tensor));
    return fault !== undefined && (fault.token === null || tensor.positions.includes(fault.token));
  };
  const wrong = new Map<string, Float32Array>();
  const cases = new Map<string, Omit<SickCase, 'sick'>>();
  const readSick = async () => {
    for await (const tensor of sick) if (isWanted(tensor)) wrong.set(stageKey(tensor), tensor.values);
  };
  const readInputs = async () => {
    const pass = new PassRows(graph);
    const kv = new KvRows(graph.cachedNames);
    for await (const { from: tensor, right } of inputs) {
      const { step, positions, width, values } = tensor;
      const firstPosition = positions[0] ?? 0;
      pass.add(tensor);
      kv.add(tensor, firstPosition, width, values);
      const fault = wanted.get(stageKey(tensor));
      if (!fault || !isWanted(tensor)) continue;
      const source = { model, graph, operations, ids, anyway, kv, rowsOf: (place: Place) => pass.get(place) };
      const found = stageCase(tensor, { step, firstPosition, tokens: positions.length }, source);
      if (found) cases.set(stageKey(tensor), { fault, case: found, right: right.values });
    }
  };
  await Promise.all([readSick(), readInputs()]);
  return faults.flatMap((fault) => {
    const [found, rows] = [cases.get(stageKey(fault)), wrong.get(stageKey(fault))];
    return found && rows ? [{ ...ofLastRows(found, rows.length), sick: rows }] : [];
  });
}

/** The same of the last rows alone, where the candidate has no more of them. @param size how many values it has */
function ofLastRows<T extends Omit<SickCase, 'sick'>>(found: T, size: number): T {
  const { right, case: whole } = found;
  const rows = (whole.rows * size) / right.length;
  if (rows >= whole.rows || !Number.isInteger(rows)) return found;
  const tail = (values: Float64Array) => values.subarray(values.length - (values.length / whole.rows) * rows);
  const inputs = Object.fromEntries(Object.entries(whole.inputs).map(([name, values]) => [name, tail(values)]));
  const firstPosition = whole.firstPosition + whole.rows - rows;
  return { ...found, right: right.subarray(right.length - size), case: { ...whole, rows, firstPosition, inputs } };
}
