import type { Blamed, BlamedOf, SickCase } from '@llama-probe/comparison';
import { graphCaseModel } from '@llama-probe/comparison';
import { graphOfNodes } from '@llama-probe/dump';
import { isDetail, type Place, placeKey } from '@llama-probe/dump/stage';
import type { GgufFile } from '@llama-probe/engine';
import { GraphOperations } from '@llama-probe/oracle';
import { ReproError } from './errors.js';
import type { Target } from './target.js';

/**
 * What a stage of a run was computed from, by llama.cpp's own graph of the model: rows that the run itself has. What lies between them and the
 * stage is part of the operation, such as the norm before its weight where the engine has both in one kernel.
 *
 * @throws ReproError `repro-inputs` where the run does not have what it was computed from
 */
export async function caseAt(
  target: Target,
  { computes, cases }: Blamed,
  { ids, heads, has }: BlamedOf,
  file: GgufFile,
): Promise<{ readonly sick: SickCase; readonly op: string | undefined }> {
  const nodes = (await computes?.nodes()) ?? [];
  // llama.cpp's own steps within attention read the cache: with them as stages, what follows would not.
  const own = (place: Place) => (has(place) && !isDetail(place.stage)) || placeKey(place) === placeKey(target);
  const operations = new GraphOperations(nodes, own);
  const [graph, whole] = [graphOfNodes(nodes, own, heads), graphOfNodes(nodes, () => true, heads)];
  const missing = operations.at(target) ? [] : whole.inputsOf(target).filter((input) => !has(input));
  if (missing.length > 0) throw lacking(target, missing);
  const model = graphCaseModel(file, operations);
  const [found] = await cases({ model, graph, operations, ids, anyway: true }, [target]);
  if (!found) throw lacking(target, graph.inputsOf(target));
  return { sick: found, op: whole.at(target)?.op };
}

function lacking(target: Target, missing: readonly Place[]): ReproError {
  const names = missing.map(nameOf);
  const what = `the inputs of ${nameOf(target)} are not all in the run: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} missing`;
  const stages = [...new Set(missing.map(({ stage }) => stage))].join(',');
  return new ReproError('repro-inputs', `${what}, at least in one piece. Capture ${stages} there, too, and try again.`);
}

/** @example nameOf({ stage: 'q_rope', layer: 3 }) === 'q_rope of layer 3' */
export const nameOf = ({ stage, layer }: Place): string => (layer === null ? stage : `${stage} of layer ${layer}`);
