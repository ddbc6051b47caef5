import type { Place } from '@llama-probe/dump';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { layoutOf } from './layout.js';
import { Matcher } from './matcher.js';
import { type GraphNode, inLayer, NodeReader } from './node.js';
import { type Match, Settling, UniqueNames } from './stages.js';
import { findTabled, type TabledNodes } from './tabled.js';
import { isReadable } from './values.js';

/** A node of a graph that was looked at. */
export interface KnownNode {
  readonly name: string;
  readonly op: string;
  /** Its stage, with all that nodes further on tell of it; undefined where it is none, or cannot be read. */
  readonly match: Match | undefined;
  /** The stage's name in the run: of two nodes with one name the second is `name.2`. */
  readonly stage: string | undefined;
}

/**
 * A look at a whole graph before it is evaluated: what a node is may be told by one after it, and whoever wants to overwrite a node must
 * know at the node itself, since the next one is computed from it.
 *
 * llama.cpp asks about every node. Evaluated with nothing wanted the graph is only looked at; what it computed then is to be cleared.
 * Graphs of as many tokens are alike, node by node, wherever they begin; addresses are not.
 */
export class Look {
  private readonly reader: NodeReader;
  private readonly nodes: GraphNode[] = [];

  constructor(private readonly library: LlamaLibrary) {
    this.reader = new NodeReader(library);
  }

  /** What llama.cpp calls for each node. */
  evaluate(address: Pointer, ask: boolean): boolean {
    if (ask) this.nodes.push(this.reader.read(address));
    return !ask;
  }

  /** Those of its nodes that llama.cpp's CPU reads from a table. */
  tabled(): TabledNodes {
    return findTabled(this.library, this.nodes, (address) => this.reader.read(address));
  }

  /** @param tokens how many the graph was evaluated for @param blocks where it is that of one block of a model, which has so many */
  known(tokens: number, blocks?: Repeated): KnownGraph {
    const names = new UniqueNames();
    const matcher = new Matcher();
    const all = blocks ? repeated(this.nodes, blocks) : this.nodes;
    const nodes = all.map((node, i): KnownNode => {
      const layer = blocks && firstInBlock(i, blocks);
      if (layer) matcher.goOn((this.nodes[blocks.entry] as GraphNode).address, { stage: 'l_out', layer: layer - 1 });
      const match = settled(all, matcher.match(node), i);
      const readable = match && isReadable(node) && (match.layout ?? layoutOf(node, tokens)) !== undefined;
      const { name, op } = node;
      return readable
        ? { name, op, match, stage: names.unique(match) }
        : { name, op, match: undefined, stage: undefined };
    });
    return new KnownGraph(nodes);
  }
}

/** A block's nodes lie behind `entry` and end with `exit`. */
export interface Repeated {
  readonly entry: number;
  readonly exit: number;
  readonly layers: number;
}

/** The nodes of a whole model by those of a model of one block. */
function repeated(nodes: readonly GraphNode[], { entry, exit, layers }: Repeated): GraphNode[] {
  const block = nodes.slice(entry + 1, exit + 1);
  const blocks = Array.from({ length: layers }, (_, layer) =>
    layer === 0 ? block : block.map((node) => inLayer(node, layer)),
  );
  return [...nodes.slice(0, entry + 1), ...blocks.flat(), ...nodes.slice(exit + 1)];
}

/** The layer, where the node is the first of one behind the first layer. */
function firstInBlock(index: number, { entry, exit, layers }: Repeated): number | undefined {
  const layer = (index - entry - 1) / (exit - entry);
  return Number.isInteger(layer) && layer > 0 && layer < layers ? layer : undefined;
}

function settled(nodes: readonly GraphNode[], match: Match | undefined, index: number): Match | undefined {
  const [node, ...after] = nodes.slice(index, index + 1 + MOST_AFTER);
  if (!match || !node) return undefined;
  const settling = new Settling(match, node);
  for (const next of after) settling.see(next);
  settling.see(undefined);
  return settling.match;
}

/** How many nodes further on may tell what a node is: a norm, its weight, its bias. */
const MOST_AFTER = 2;

/** The nodes of one kind of graph, in evaluation order. */
export class KnownGraph {
  constructor(private readonly nodes: readonly KnownNode[]) {}

  /** The stage that a node is captured as; null where it is none. */
  placeOf(index: number): Place | null {
    const { match, stage } = this.nodes[index] ?? {};
    return match && stage !== undefined ? { stage, layer: match.layer } : null;
  }

  /** Nothing is computed from the last node, the logits. */
  isLast(index: number): boolean {
    return index === this.nodes.length - 1;
  }

  /** @throws LlamaCppError `graph-changed` where this evaluation's node is another one than was looked at */
  at(index: number, { name, op }: GraphNode): KnownNode {
    const known = this.nodes[index];
    if (known && known.op === op && known.name === name) return known;
    throw new LlamaCppError(
      'graph-changed',
      `node ${index} of llama.cpp's graph is ${name} (${op}), and was ${known ? `${known.name} (${known.op})` : 'not there'} when the graph was looked at. Given rows cannot be put into a graph that changes as it goes; compare without going on from them.`,
    );
  }
}
