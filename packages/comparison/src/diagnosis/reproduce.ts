import { graphOfNodes, type Place, type Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { computeStage, GraphOperations } from '@llama-probe/oracle';
import type { Side } from '../side.js';
import { graphCaseModel } from './case-model.js';
import { collectCases, type SickCase, wentOnFrom } from './collect.js';
import { relativeDelta } from './relative-delta.js';

/** How far the oracle is from llama.cpp's rows of a stage. */
export interface Reproduced extends Place {
  /** Relative RMS; null where the oracle does not compute the stage. */
  readonly rel: number | null;
}

/**
 * Computes every stage of a healthy run from llama.cpp's own rows before it, by llama.cpp's graph of the model.
 *
 * @param side llama.cpp, whose rows are exact @example await reproduce(await llama('model.gguf', { mode: 'exact' }), [1, 40, 41])
 */
export async function reproduce(
  side: Side & { readonly file: GgufFile; readonly operations: NonNullable<Side['operations']> },
  tokens: readonly number[],
): Promise<Reproduced[]> {
  const run: Tensor[] = [];
  for await (const tensor of side.run({ tokens, steps: 0 }).tensors) {
    run.push({ ...tensor, values: tensor.values.slice() });
  }
  const has = ({ stage }: Place) => run.some((tensor) => tensor.stage === stage);
  const nodes = await side.operations({ tokens });
  const operations = new GraphOperations(nodes, has);
  const graph = graphOfNodes(nodes, has, side.about.heads);
  const limits = { rel: 0, row: 0, value: 0 };
  const stages = run.map(({ step, layer, stage }): SickCase['fault'] => ({ step, layer, stage, token: null, limits }));
  const again = async function* () {
    yield* run;
  };
  const about = { model: graphCaseModel(side.file, operations), graph, operations, ids: tokens };
  const cases = await collectCases(stages, again(), wentOnFrom(again()), about);
  return stages.map(({ stage, layer }) => {
    const found = cases.find(({ fault }) => fault.stage === stage && fault.layer === layer);
    return { stage, layer, rel: found ? relativeDelta(computeStage(found.case), found.right) : null };
  });
}
