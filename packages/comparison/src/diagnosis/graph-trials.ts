import { type GgufFile, openGguf } from '@llama-probe/engine';
import { openReference, otherBuild } from '@llama-probe/reference';
import { readGraph } from '../model-graph.js';
import type { SideAbout } from '../side.js';
import { llama, llamaSide } from '../sides/llama.js';
import { type GraphMatrixOptions, runGraphMatrix } from './graph-matrix.js';
import type { Trial } from './trial.js';

/** What came of all bugs in a model. */
export interface GraphTrials {
  readonly about: SideAbout;
  readonly trials: readonly Trial[];
}

/**
 * Opens llama.cpp on a model of any architecture, twice for its floors, and puts each bug into its run.
 *
 * @param options.tokensOf says what is run, where llama.cpp can tokenise @example await graphTrials('gemma.gguf', { tokensOf: async () => [1, 2, 3], … })
 */
export async function graphTrials(
  model: string | GgufFile,
  {
    tokensOf,
    ids,
    captured,
    onProgress,
    signal,
  }: Pick<GraphMatrixOptions, 'ids' | 'captured' | 'onProgress' | 'signal'> & {
    tokensOf(text: ReturnType<typeof llamaSide>['text']): Promise<readonly number[]>;
  },
): Promise<GraphTrials> {
  const file = typeof model === 'string' ? await openGguf(model) : model;
  const reference = await openReference({ model: file.path, mode: 'exact', signal, onProgress });
  let other: Awaited<ReturnType<typeof llama>> | undefined;
  try {
    const graph = await readGraph(reference);
    const { operations, ...side } = llamaSide(reference, file, { mode: 'exact', why: 'asked for' }, graph);
    if (!operations) throw new Error('llama.cpp says what it computes');
    const build = otherBuild(reference.info.cpuVariant, reference.info.cpuVariants);
    if (build !== undefined) other = await llama(file.path, { mode: 'exact', cpuVariant: build, signal });
    const tokens = await tokensOf(side.text);
    const trials: Trial[] = [];
    const about = { side: { ...side, operations, file }, other, tokens, ids, captured, onProgress, signal };
    for await (const trial of runGraphMatrix(about)) trials.push(trial);
    return { about: side.about, trials };
  } finally {
    await reference.close();
    await other?.close();
  }
}
