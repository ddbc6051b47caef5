import {
  asLlama,
  encodeGraph,
  type Graph,
  type GraphDescription,
  graphOfNodes,
  type Heads,
  MOST_LAYERS,
} from '@llama-probe/dump';
import { isGraphDescription } from '@llama-probe/dump/stage';
import { type GgufFile, isPlain } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';

/** Two rows show whether a mask hides what comes after a row, and all else that a graph tells. */
const TOKENS = [0, 0];

/**
 * What each stage of a model is computed from, by llama.cpp's own graph: two tokens are evaluated for it.
 *
 * @returns undefined where llama.cpp cannot say it: then names are taken for a Llama's
 */
export async function readGraph(reference: Reference): Promise<Graph | undefined> {
  const { headCount: heads, headCountKv: headsKv } = reference.info.model;
  try {
    const nodes = await reference.operations({ tokens: TOKENS });
    return nodes.length > 0 ? graphOfNodes(nodes, () => true, { heads, headsKv }) : undefined;
  } catch (error) {
    // What llama.cpp cannot evaluate at all, whoever runs it is told.
    if (typeof (error as { code?: unknown }).code !== 'string') throw error;
    return undefined;
  }
}

/** The same where it is not known from the start: a plain Llama's stages are the vocabulary. */
export const readUnlessLlama = async (reference: Reference, file: GgufFile): Promise<Graph | undefined> =>
  isDense(file) ? undefined : readGraph(reference);

/** Whether the file is a Llama's, all of whose stages are in the vocabulary. */
export const isDense = (file: Pick<GgufFile, 'metadata' | 'tensors'>): boolean => isPlain(file);

/** A graph that was read, as the stages of a run are looked at by it: what is a Llama's is one. */
export const graphToUse = (read: Graph, heads: Heads): Graph => asLlama(read, heads) ?? read;

/** What a dump may be larger by: the graph of a model with many kinds of layers is left out. */
const MOST_BYTES = 1 << 16;

/** As a dump has it; undefined where it would take too much room, or another reader would not take it. */
export function describeGraph(graph: Graph | undefined): GraphDescription | undefined {
  const described = graph && encodeGraph(graph);
  if (!described || JSON.stringify(described).length > MOST_BYTES) return undefined;
  return isGraphDescription(described, MOST_LAYERS) ? described : undefined;
}
