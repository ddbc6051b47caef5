import { NodeReader, type WholeNode } from '../capture/node.js';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';

/** Where the graph of a model of one block has its parts, by the index of a node. */
export interface Parts {
  /** The node that the block begins from: the embedding, or what it is scaled to. */
  readonly entry: number;
  /** The block's last node, from which the head goes on. */
  readonly exit: number;
  /** How many nodes there are. */
  readonly nodes: number;
  /** The node that multiplies Q with the scale of attention, where that is done before the scores. */
  readonly queryScale: number | undefined;
}

/** A weight where llama.cpp has it. */
export interface Weight {
  /** The tensor, by its address. */
  readonly tensor: Pointer;
  readonly bytes: number;
}

/** A look at the graph of one block: nothing is wanted of it, so llama.cpp asks about all nodes before it computes the first. */
export class PartsLook {
  private readonly reader: NodeReader;
  private readonly nodes: WholeNode[] = [];

  constructor(library: LlamaLibrary) {
    this.reader = new NodeReader(library);
  }

  /** What llama.cpp calls for each node. */
  evaluate(address: Pointer, ask: boolean): boolean {
    if (ask) this.nodes.push(this.reader.readWhole(address));
    return !ask;
  }

  /** How wide the residual stream is. */
  width(): number {
    return this.nodes[this.parts().entry]?.ne[0] ?? 0;
  }

  /** By its name in a file, each weight that a node is computed from. */
  weightsOf(node: Pointer): Map<string, Weight> {
    const found = new Map<string, Weight>();
    for (const source of this.reader.readWhole(node).allSources.filter(Boolean)) {
      const { name, ne } = this.reader.read(source);
      if (/\.(weight|bias)$/.test(name)) {
        found.set(name, { tensor: source, bytes: 4 * ne.reduce((product, count) => product * count, 1) });
      }
    }
    return found;
  }

  /**
   * The parts, once it is shown that nothing of a block is computed from what is outside but from its entry, and nothing of the head from
   * the block but from its exit.
   *
   * @throws LlamaCppError `block-graph`
   */
  parts(): Parts {
    const { nodes } = this;
    const find = (name: string) => nodes.findIndex((node) => node.name === name);
    const entry = Math.max(find('inp_scaled'), find('embd'));
    const exit = find('l_out-0');
    if (entry < 0 || exit <= entry) throw unknown('it has no embedding, or no l_out');
    const indices = new Map(nodes.map(({ address }, index) => [address, index]));
    nodes.forEach(({ name, allSources }, index) => {
      const least = index <= entry ? 0 : index <= exit ? entry : exit;
      const before = allSources.find((source) => source && (indices.get(source) ?? index) < least);
      if (before) throw unknown(`${name} is computed from ${nodes[indices.get(before) ?? 0]?.name}`);
    });
    const query = nodes.find(({ name, op }) => name === 'Qcur-0' && op === 'ROPE');
    const scaled = query ? nodes.findIndex(({ op, sources }) => op === 'SCALE' && sources[0] === query.address) : -1;
    return { entry, exit, nodes: nodes.length, queryScale: scaled < 0 ? undefined : scaled };
  }
}

const unknown = (what: string): LlamaCppError =>
  new LlamaCppError(
    'block-graph',
    `the graph of a model of one block cannot be taken apart: ${what}. Evaluate the whole model as F32: --exact-by whole.`,
  );
