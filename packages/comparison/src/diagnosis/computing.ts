import { graphOfNodes, type Heads, llamaGraph, type NodeOperation, type Place } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { GraphOperations } from '@llama-probe/oracle';
import { openReference } from '@llama-probe/reference';
import { caseModel, graphCaseModel } from './case-model.js';
import { computedConfig, isComputedAsUsual } from './computed-config.js';
import type { Computing } from './injected-run.js';

/** How long a run is: what its masks hide depends on it. */
export interface RunLength {
  readonly tokens: readonly number[];
  readonly steps?: number | undefined;
  readonly ubatch?: number | undefined;
}

/**
 * What the stages of a side's runs compute: a plain Llama's by the vocabulary, any other model's by llama.cpp's own graph of it.
 *
 * @param has whether the side has a stage
 * @param nodes says that graph; without it llama.cpp is opened on the file as it is, asked, and closed, once for each length of a run
 */
export function computingOf(
  file: GgufFile,
  has: (place: Place) => boolean,
  heads: Heads,
  nodes: (run: RunLength) => Promise<readonly NodeOperation[]> = (run) => nodesOf(file, run),
): (run: RunLength) => Promise<Computing> {
  if (isComputedAsUsual(file)) {
    const config = computedConfig(file);
    const usual = { model: caseModel(file, config), graph: llamaGraph({ layers: config.blockCount, ...heads }) };
    return async () => usual;
  }
  const known = new Map<string, Promise<Computing>>();
  const read = async (run: RunLength): Promise<Computing> => {
    const found = await nodes(run);
    const operations = new GraphOperations(found, has);
    return { model: graphCaseModel(file, operations), graph: graphOfNodes(found, has, heads), operations };
  };
  return ({ tokens, steps = 0, ubatch }) => {
    // What will be decoded nobody knows yet; which token it is changes no mask.
    const run = { tokens: [...tokens, ...Array<number>(steps).fill(tokens[0] ?? 0)], ubatch };
    const key = `${run.tokens.length}/${ubatch}`;
    const before = known.get(key) ?? read(run);
    known.set(key, before);
    return before;
  };
}

/** In a process of its own: whoever computes beside it may be waited for by another run. */
async function nodesOf(file: GgufFile, run: RunLength): Promise<readonly NodeOperation[]> {
  const reference = await openReference({ model: file.path, mode: 'native' });
  try {
    return await reference.operations(run);
  } finally {
    await reference.close();
  }
}
