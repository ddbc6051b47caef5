import type { Place, Tensor } from '@llama-probe/dump';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { headsToRows, hide, layoutOf, type Rows } from './layout.js';
import type { KnownGraph } from './look.js';
import { Matcher } from './matcher.js';
import { type GraphNode, NodeReader } from './node.js';
import type { Computed, GoOnFrom } from './replace.js';
import type { Rounding } from './rounding.js';
import { type Match, mayBe, type Selection, Settling, selector, splitName, UniqueNames, type Wants } from './stages.js';
import { Recomputed, type TabledNodes } from './tabled.js';
import { isReadable, readValues } from './values.js';

/** A tensor that was read and waits until it is known what it is, or until those before it are. */
interface Held {
  node: GraphNode;
  match: Match;
  settling: Settling;
  /** The stage's name in the run, where the graph was looked at. */
  name: string | undefined;
  rows: Rows;
  /** All of the node, in ggml's order. */
  values: Float32Array;
  settled: boolean;
  dropped: boolean;
  /** Puts the given rows in its place; waits for the mask, if the next node tells it. */
  replace: (() => void) | undefined;
}

/** The node that llama.cpp asked about last. */
interface Asked {
  node: GraphNode;
  match: Match | undefined;
  name: string | undefined;
  /** Where there are given rows for it. */
  given: Place | undefined;
  isLast: boolean;
  /** Whether it is a tensor of the run. */
  isCaptured: boolean;
}

/** What is not as llama.cpp computes it. */
interface Changes {
  readonly replacement?: GoOnFrom | undefined;
  readonly tabled?: TabledNodes | undefined;
  readonly rounding?: Rounding | undefined;
}

/**
 * Sees every node of the graph while llama.cpp evaluates it, and passes on the wanted ones as tensors, in order.
 *
 * llama.cpp first asks about a node, then computes it (and all those before it that were not wanted), then shows it. Where there are
 * given rows for it, they are put in its place when it was read, which is before the next one is computed.
 */
export class Capture {
  /** What was not captured and why. */
  readonly notes = new Set<string>();
  private readonly reader: NodeReader;
  private readonly wants: Wants;
  private readonly matcher = new Matcher();
  private readonly replacement: GoOnFrom | undefined;
  private readonly rounding: Rounding | undefined;
  private readonly names = new UniqueNames();
  private held: Held[] = [];
  /** The stages that were passed on, and those that there are. */
  readonly delivered = new Set<string>();
  readonly existing = new Set<string>();
  private asked: Asked | undefined;
  private order = 0;
  private step = 0;
  private first = 0;
  private tokens = 0;
  private graph: KnownGraph | undefined;
  private index = 0;

  private readonly recomputed: Recomputed | undefined;

  /**
   * @param replacement needs graphs that were looked at, see begin() @param tabled what is not to be read from a table
   * @param rounding what every stage of the vocabulary is rounded to, wanted or not
   */
  constructor(
    private readonly library: LlamaLibrary,
    selection: Selection,
    private readonly write: (tensor: Tensor) => void,
    { replacement, tabled, rounding }: Changes = {},
  ) {
    this.reader = new NodeReader(library);
    this.wants = selector(selection);
    this.replacement = replacement;
    this.rounding = rounding;
    this.recomputed = tabled && new Recomputed(library, tabled, (address) => this.reader.read(address));
  }

  /** Announces one evaluation of the graph: `tokens` positions from `first` on. @param index of the graph's first node that will be seen */
  begin(step: number, first: number, tokens: number, graph?: KnownGraph, index = 0): void {
    this.step = step;
    this.first = first;
    this.tokens = tokens;
    this.graph = graph;
    this.index = index;
    this.names.clear();
    this.matcher.begin();
    this.replacement?.begin(first, tokens);
  }

  /**
   * Announces the graph of one block, in the evaluation that has begun.
   *
   * @param layer which layer its layer 0 is @param entry the node that has the rows of the layer before
   */
  goOn(layer: number, entry: Pointer): void {
    this.reader.layer = layer;
    this.matcher.goOn(entry, { stage: 'l_out', layer: layer - 1 });
  }

  /** What llama.cpp calls for each node. */
  evaluate(address: Pointer, ask: boolean): boolean {
    if (!ask) {
      // what is shown is what was asked about last
      const { asked } = this;
      if (asked) this.recomputed?.see(asked.node);
      if (asked?.match && asked.isCaptured) this.hold(asked, asked.match);
      return true;
    }
    const node = this.reader.read(address);
    if (this.held.length > 0) this.settle(node);
    const identified = this.identify(node);
    const { match, given } = identified;
    if (match) this.existing.add(match.stage);
    const isWanted = match !== undefined && (given !== undefined || mayBe(match, this.wants) || this.mayRound(match));
    const isCaptured = isWanted && this.canRead(node, match);
    this.asked = { ...identified, isCaptured };
    return isCaptured || (this.recomputed?.wants(node) ?? false);
  }

  /** Ends one evaluation: nothing more will be learnt about what is still held. */
  end(): void {
    for (const held of this.held) {
      if (!held.settled) this.decide(held, undefined);
    }
    this.flush();
  }

  private identify(node: GraphNode): Omit<Asked, 'isCaptured'> {
    const { graph, replacement } = this;
    if (!graph || !replacement) {
      return { node, match: this.matcher.match(node), name: undefined, given: undefined, isLast: false };
    }
    const index = this.index++;
    const { match, stage } = graph.at(index, node);
    const place = match && stage !== undefined ? { stage, layer: match.layer } : undefined;
    const given = place && replacement.has(place) ? place : undefined;
    return { node, match, name: stage, given, isLast: graph.isLast(index) };
  }

  private mayRound(match: Match): boolean {
    const { rounding } = this;
    return rounding !== undefined && mayBe(match, rounding.isStage);
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

  private hold({ node, name, given, isLast }: Asked, match: Match): void {
    const values = readValues(this.library, node);
    const { tokens } = this;
    const layout = match.layout ?? layoutOf(node, tokens);
    const rows =
      layout === 'heads'
        ? headsToRows(values, node.ne, match.cache && Math.min(node.ne[0], this.first + tokens))
        : { values, width: values.length / tokens };
    const settled = match.until === undefined;
    const dropped = !given && !mayBe(match, this.wants);
    const settling = new Settling(match, node);
    const held: Held = { node, match, settling, name, rows, values, settled, dropped, replace: undefined };
    this.held.push(held);
    if (settled || match.until === 'mask') this.round(held);
    if (given && this.replacement?.isPromised) this.flushBefore(held);
    if (given) this.goOnFrom(given, held, { node, values, tokens, layout }, isLast);
    this.flush();
  }

  /** Whoever has promised rows makes them of what comes before. @throws LlamaCppError `from-unsettled`, where that is not known yet and both would wait */
  private flushBefore(held: Held): void {
    const before = this.held.slice(0, -1);
    if (before.some(({ settled }) => !settled)) {
      const { stage } = held.match;
      throw new LlamaCppError(
        'from-unsettled',
        `rows of ${stage} were promised, and what comes before it is not known yet.`,
      );
    }
    this.held = before;
    this.flush();
    this.held = [held];
  }

  /** Once it is known that it is a stage, and before the next node is computed: that one goes on from what it is rounded to. */
  private round({ node, match, rows, values }: Held): void {
    if (!this.rounding?.round(node, match, values)) return;
    this.recomputed?.overwritten(node, values);
    if (rows.values !== values) this.rounding.roundRows(rows);
  }

  /** The run goes on from given rows. From the last node nothing goes on, and llama.cpp chooses its token by its own logits. */
  private goOnFrom(place: Place, held: Held, computed: Computed, isLast: boolean): void {
    const given = this.replacement?.take(place, held.rows.width);
    if (!given || isLast) return;
    const skipped = held.rows.values.length - given.values.length; // where only the last rows were given
    const isNan = (entry: number) => Number.isNaN(given.values[entry - skipped]);
    if (held.match.until !== 'mask') {
      const put = this.replacement?.put(given, computed);
      if (put) this.recomputed?.overwritten(computed.node, put);
      return;
    }
    // NaN in the given rows is what their mask hid. What llama.cpp's hides is NaN in its own rows, once the next node has told it.
    const isHidden = (entry: number) => isNan(entry) || (held.settled && Number.isNaN(held.rows.values[entry]));
    held.replace = () => this.replacement?.put(given, computed, isHidden);
  }

  /** Uses what the next node tells about the held ones. It is not yet computed: what is put in their place now, it is computed from. */
  private settle(next: GraphNode): void {
    for (const held of this.held) {
      if (!held.settled) this.decide(held, next);
      held.replace?.();
      held.replace = undefined;
    }
    this.flush();
  }

  private decide(held: Held, next: GraphNode | undefined): void {
    const { match, settling } = held;
    if (match.until !== 'mask') {
      settling.see(next);
      if (!settling.isSettled && next) return;
      const settled = settling.match;
      held.match = settled ?? match;
      held.dropped = !settled || !this.wants(settled.stage, settled.layer);
      held.settled = true;
      if (settled && !settling.isLate) this.round(held);
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
      const { match, name, rows, dropped } = this.held.shift() as Held;
      if (dropped) continue;
      this.delivered.add(match.stage);
      this.write({
        step: this.step,
        order: this.order++,
        layer: match.layer,
        stage: name ?? this.names.unique(match),
        positions: Int32Array.from({ length: this.tokens }, (_, row) => this.first + row),
        width: rows.width,
        values: rows.values,
      });
    }
  }
}
