import type { Place } from '@llama-probe/dump';
import type { Pointer } from '../library/library.js';
import type { GraphNode } from './node.js';
import { type Match, matchNode } from './stages.js';

/** Nodes that have another's rows, some of them, or all of them times a number. */
const SAME_ROWS = new Set(['RESHAPE', 'VIEW', 'GET_ROWS', 'SCALE']);

/**
 * Which stage each node of a graph is, as far as it tells itself and those before it do. Some architectures give the sum of attention and the
 * residual stream no name: it is known by what it adds.
 */
export class Matcher {
  private readonly places = new Map<Pointer, Place>();

  /** Announces another evaluation. */
  begin(): void {
    this.places.clear();
  }

  /** Announces a block's graph in which this node has the rows of a stage that was evaluated before. */
  goOn(address: Pointer, place: Place): void {
    this.begin();
    this.places.set(address, place);
  }

  /** The next node, in evaluation order. */
  match(node: GraphNode): Match | undefined {
    const match = matchNode(node) ?? this.residual(node);
    const place = match ?? (SAME_ROWS.has(node.op) ? this.places.get(node.sources[0]) : undefined);
    if (place) this.places.set(node.address, place);
    return match;
  }

  private residual({ op, name, sources }: GraphNode): Match | undefined {
    if (op !== 'ADD' || !name.startsWith('node_')) return undefined;
    const [one, other] = sources.map((address) => this.places.get(address));
    if (!one || !other) return undefined;
    const layer = isStreamInto(one, other.layer)
      ? attentionOf(other)
      : isStreamInto(other, one.layer)
        ? attentionOf(one)
        : null;
    return layer === null ? undefined : { stage: 'ffn_inp', layer };
  }
}

/** The layer of which a stage is the last before the sum. */
const attentionOf = ({ stage, layer }: Place): number | null =>
  stage === 'attn_out' || stage === 'attn_post_norm' ? layer : null;

/** Whether it is the residual stream as it enters a layer. */
function isStreamInto({ stage, layer }: Place, into: number | null): boolean {
  if (into === 0) return layer === null && (stage === 'embd' || stage === 'inp_scaled');
  return into !== null && stage === 'l_out' && layer === into - 1;
}
