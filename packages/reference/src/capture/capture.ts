import type { Tensor } from '@llama-probe/dump';
import { headsToRows, hide, layoutOf, type Rows } from './layout.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { type GraphNode, NodeReader } from './node.js';
import { type Match, matchNode, NORMS, type Selection, selector, splitName } from './stages.js';
import { isReadable, readValues } from './values.js';

/** A tensor that was read and waits until it is known what it is, or until those before it are. */
interface Held {
  node: GraphNode;
  match: Match;
  rows: Rows;
  settled: boolean;
  dropped: boolean;
}

/**
 * Sees every node of the graph while llama.cpp evaluates it, and passes on the wanted ones as tensors, in order.
 *
 * llama.cpp first asks about a node, then computes it (and all those before it that were not wanted), then shows it.
 */
export class Capture {
  /** What was not captured and why. */
  readonly notes = new Set<string>();
  private readonly reader: NodeReader;
  private readonly wants: (stage: string, layer: number | null) => boolean;
  private held: Held[] = [];
  private seen = new Map<string, number>();
  /** The stages that were passed on, and those that there are. */
  readonly delivered = new Set<string>();
  readonly existing = new Set<string>();
  private asked: { node: GraphNode; match: Match | undefined } | undefined;
  private order = 0;
  private step = 0;
  private first = 0;
  private tokens = 0;

  constructor(
    private readonly library: LlamaLibrary,
    selection: Selection,
    private readonly write: (tensor: Tensor) => void,
  ) {
    this.reader = new NodeReader(library);
    this.wants = selector(selection);
  }

  /** Announces one evaluation of the graph: `tokens` positions from `first` on. */
  begin(step: number, first: number, tokens: number): void {
    this.step = step;
    this.first = first;
    this.tokens = tokens;
    this.seen.clear();
  }

  /** What llama.cpp calls for each node. */
  evaluate(address: Pointer, ask: boolean): boolean {
    if (!ask) {
      // what is shown is what was asked about last
      if (this.asked?.match) this.hold(this.asked.node, this.asked.match);
      return true;
    }
    const node = this.reader.read(address);
    if (this.held.length > 0) this.settle(node);
    const match = matchNode(node);
    if (match) this.existing.add(match.stage);
    this.asked = { node, match };
    return match !== undefined && this.isWanted(match) && this.canRead(node, match);
  }

  /** Ends one evaluation: nothing more will be learnt about what is still held. */
  end(): void {
    for (const held of this.held) {
      if (!held.settled) this.decide(held, undefined);
    }
    this.flush();
  }

  private isWanted({ stage, layer, until }: Match): boolean {
    if (until === 'consumer' && Object.values(NORMS).some((name) => this.wants(name, layer))) return true;
    return this.wants(stage, layer);
  }

  private canRead(node: GraphNode, match: Match): boolean {
    if (!isReadable(node)) {
      this.notes.add(
        `${match.stage} is of a type that is no number (${this.library.ggml_type_name(node.type)}); left out`,
      );
      return false;
    }
    if (!match.layout && !layoutOf(node, this.tokens)) {
      this.notes.add(`${match.stage} has no dimension of tokens (${node.ne.join(' × ')}); left out`);
      return false;
    }
    return true;
  }

  private hold(node: GraphNode, match: Match): void {
    const values = readValues(this.library, node);
    const layout = match.layout ?? layoutOf(node, this.tokens);
    const rows =
      layout === 'heads'
        ? headsToRows(values, node.ne, match.cache && Math.min(node.ne[0], this.first + this.tokens))
        : { values, width: values.length / this.tokens };
    this.held.push({ node, match, rows, settled: match.until === undefined, dropped: false });
    this.flush();
  }

  /** Uses what the next node tells about the held ones. */
  private settle(next: GraphNode): void {
    for (const held of this.held) {
      if (!held.settled) this.decide(held, next);
    }
    this.flush();
  }

  private decide(held: Held, next: GraphNode | undefined): void {
    const { match, node } = held;
    const follows = next?.sources.includes(node.address) ?? false;
    if (match.until === 'bias') {
      held.dropped = follows && next?.op === 'ADD' && next.name === node.name;
      held.settled = true;
    } else if (match.until === 'consumer') {
      const stage = follows && next ? NORMS[splitName(next.name).base] : undefined;
      held.match = { ...match, stage: stage ?? match.stage };
      held.dropped = !this.wants(held.match.stage, match.layer);
      held.settled = true;
    } else if (next === undefined || (next.op === 'SOFT_MAX' && splitName(next.name).layer === match.layer)) {
      this.applyMask(held.rows, next);
      held.settled = true;
    }
  }

  private applyMask(rows: Rows, softMax: GraphNode | undefined): void {
    const seen = this.first + this.tokens;
    const maskAddress = softMax?.sources[1];
    if (!maskAddress) {
      if (!softMax) hide(rows, (token, position) => position > this.first + token, seen);
      return;
    }
    const mask = this.reader.read(maskAddress);
    const values = readValues(this.library, mask); // (n_kv, tokens): 0 or -Infinity
    hide(rows, (token, position) => values[token * mask.ne[0] + position] === Number.NEGATIVE_INFINITY, seen);
  }

  private flush(): void {
    while (this.held[0]?.settled) {
      const { match, rows, dropped } = this.held.shift() as Held;
      if (dropped) continue;
      this.delivered.add(match.stage);
      this.write({
        step: this.step,
        order: this.order++,
        layer: match.layer,
        stage: this.unique(match),
        tokens: Int32Array.from({ length: this.tokens }, (_, row) => this.first + row),
        width: rows.width,
        values: rows.values,
      });
    }
  }

  /** Some architectures give two nodes of a layer one name; the second becomes `name.2`. */
  private unique({ stage, layer }: Match): string {
    const key = `${stage}-${layer}`;
    const count = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, count);
    return count === 1 ? stage : `${stage}.${count}`;
  }
}
