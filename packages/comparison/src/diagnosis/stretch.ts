import type { Tensor } from '@llama-probe/dump';
import { type Graph, type Place, placeKey, stageKey } from '@llama-probe/dump/stage';
import type { Stretch, StretchStage } from '@llama-probe/oracle';
import type { CasesIn, SickCase, WentOn } from './collect.js';
import { KvRows } from './kv-rows.js';
import { PassRows } from './pass-rows.js';
import { type CaseSource, placesBehind, stageCase } from './stage-case.js';

/** A faulty stage, and the stages before it that the candidate does not have. */
export interface SickStretch extends Omit<SickCase, 'case'> {
  readonly stretch: Stretch;
}

const MOST_STAGES = 80; // four layers of a Llama: what is longer is bracketed more closely first

/**
 * The stages between a place and what the candidate has before it, in evaluation order, the place itself last.
 *
 * @returns the place alone where the candidate has all that it is computed from
 */
export function stretchBefore(place: Place, graph: Graph, has: (place: Place) => boolean): readonly Place[] {
  const found = new Map([[placeKey(place), place]]);
  const open = [place];
  for (let at = open.pop(); at; at = open.pop()) {
    const cached = graph.cachedInputOf(at);
    for (const input of [...graph.inputsOf(at), ...(cached ? [cached] : [])]) {
      if (has(input) || found.has(placeKey(input))) continue;
      found.set(placeKey(input), input);
      open.push(input);
    }
  }
  return graph.stages.filter((stage) => found.has(placeKey(stage))).map(({ stage, layer }) => ({ stage, layer }));
}

/**
 * Reads a run once more, for all that lies between the rows that the candidate has.
 *
 * @param sick what the candidate computed @param inputs what a right pass went on from, at each of its stages
 * @param places as `stretchBefore` says
 * @returns undefined where there is nothing between, too much, or no rows
 */
export async function collectStretch(
  fault: SickCase['fault'],
  places: readonly Place[],
  sick: AsyncIterable<Tensor>,
  inputs: AsyncIterable<WentOn>,
  { model, graph, operations, ids }: CasesIn,
): Promise<SickStretch | undefined> {
  if (places.length < 2 || places.length > MOST_STAGES) return undefined;
  const wanted = new Set(places.map(placeKey));
  const isOfPass = ({ step, positions }: Tensor) =>
    step === fault.step && (fault.token === null || positions.includes(fault.token));
  let wrong: Float32Array | undefined;
  let right: Float32Array | undefined;
  const stages: StretchStage[] = [];
  const readSick = async () => {
    for await (const tensor of sick)
      if (stageKey(tensor) === stageKey(fault) && isOfPass(tensor)) wrong = tensor.values.slice();
  };
  const readInputs = async () => {
    const pass = new PassRows(graph);
    const kv = new KvRows(graph.cachedNames);
    for await (const { from: tensor, right: own } of inputs) {
      const { positions, width, values, stage, layer } = tensor;
      const firstPosition = positions[0] ?? 0;
      pass.add(tensor);
      kv.add(tensor, firstPosition, width, values);
      if (!isOfPass(tensor) || !wanted.has(placeKey(tensor))) continue;
      const source: CaseSource = { model, graph, operations, ids, kv, rowsOf: (place) => pass.get(place) };
      const behind = placesBehind(tensor, source);
      const found = stageCase(tensor, { step: fault.step, firstPosition, tokens: positions.length }, source);
      const { inputs: read = graph.inputsOf(tensor), besides = [], cached } = behind ?? {};
      stages.push({ stage, layer, case: found, inputs: [...read, ...besides], cached });
      if (stageKey(tensor) === stageKey(fault)) right = own.values.slice();
    }
  };
  await Promise.all([readSick(), readInputs()]);
  return wrong && right && stages.length > 1 ? { fault, stretch: { stages }, sick: wrong, right } : undefined;
}
