import { type MaskKind, type NodeInput, type NodeOperation, placeKey } from '@llama-probe/dump/stage';
import type { OracleConfig } from '../model.js';

/** What the attention of a layer says of its heads, and of what they see. */
export type HeadsOfLayer = Pick<OracleConfig, 'headCount' | 'headCountKv' | 'headDim' | 'window'> &
  Partial<Pick<OracleConfig, 'attentionScale'>>;

/** By layer, of each softmax over a mask. */
export function headsByLayer(nodes: readonly NodeOperation[]): Map<number, HeadsOfLayer> {
  const heads = new Map<number, HeadsOfLayer>();
  for (const node of nodes) {
    const layer = node.place?.layer;
    if (node.op !== 'SOFT_MAX' || layer === null || layer === undefined) continue;
    const scores = scoresOf(node, nodes);
    const [keys] = scores?.inputs ?? [];
    if (!scores || !keys || !('cached' in keys)) continue;
    const [headDim = 0, , headCountKv = 0] = keys.shape;
    const mask = maskOf(node);
    const { scale = 1 } = node.parameters; // 1 where Q or the scores are scaled before
    heads.set(layer, {
      ...{ headCount: scores.shape[2] ?? 0, headCountKv, headDim },
      ...(typeof mask === 'number' ? { window: mask } : {}),
      ...(scale === 1 ? {} : { attentionScale: scale }),
    });
  }
  return heads;
}

/** The node whose output an input is; undefined where it is no node's. */
export const nodeOf = (input: NodeInput | undefined, nodes: readonly NodeOperation[]): NodeOperation | undefined =>
  input && 'node' in input ? nodes[input.node] : undefined;

/** The node that the first of a node's inputs that are nodes is. */
const before = (node: NodeOperation | undefined, nodes: readonly NodeOperation[]): NodeOperation | undefined =>
  nodeOf(
    node?.inputs.find((input) => 'node' in input),
    nodes,
  );

/** What a softmax hides; undefined for one without a mask. */
export const maskOf = ({ inputs }: NodeOperation): MaskKind | undefined =>
  inputs.flatMap((input) => ('mask' in input ? [input.mask] : []))[0];

/** The product of queries and keys whose softmax a node is, through soft-caps and scales; undefined for a softmax without a mask. */
export function scoresOf(softMax: NodeOperation, nodes: readonly NodeOperation[]): NodeOperation | undefined {
  if (maskOf(softMax) === undefined) return undefined;
  let node = before(softMax, nodes);
  while (node && node.op !== 'MUL_MAT') node = before(node, nodes);
  return node;
}

/**
 * The stages on the way from scores to a softmax, and from there to the rows of all heads: theirs have the padding of the cache, or lie in
 * another order than a run has them in.
 */
export function withinAttention(node: NodeOperation, nodes: readonly NodeOperation[]): string[] {
  const scores = scoresOf(node, nodes);
  const found: string[] = [];
  let at: NodeOperation | undefined = scores || node.place?.stage === 'kqv_out' ? node : undefined;
  do {
    at = before(at, nodes);
    if (at?.place && at !== scores) found.push(placeKey(at.place));
  } while (at && scores && at !== scores);
  return found;
}
