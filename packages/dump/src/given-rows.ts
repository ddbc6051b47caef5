import { type Place, STAGES } from './stage/index.js';
import type { Tensor } from './tensor.js';

/** Given rows that cannot be put in the place of a run's own. `message` says which, what was found, what was wanted, and the remedy. */
export class GivenRowsError extends Error {
  override readonly name = 'GivenRowsError';
  constructor(
    readonly code: 'from-positions' | 'from-width',
    message: string,
  ) {
    super(message);
  }
}

/**
 * The rows that a run goes on from (`RunOptions.from`), between the stream that they come in and the stages that they are for.
 *
 * Both are in evaluation order as far as passes and layers go; within a layer each side has an order of its own. So a stage has no
 * rows when the stream is in a later layer, and no more than the rows of a layer wait. Whoever uses this reads the stream:
 *
 * @example
 * given.begin(firstPosition, tokens);
 * while (!given.has(place) && !given.isPast(place)) given.put(next());
 * const rows = given.take(place);
 */
export class GivenRows {
  private readonly waiting = new Map<string, { tensor: Tensor; depth: number }>();
  private readonly run = new Depth();
  private readonly stream = new Depth();
  private first = 0;
  private last = -1;
  private streamLast = -1;
  private streamDepth = BEFORE;
  private ended = false;
  /** The stages of which rows were given and not taken, because the run has no such stage. */
  readonly unused = new Set<string>();

  /** A pass begins: `tokens` positions from `firstPosition` on. */
  begin(firstPosition: number, tokens: number): void {
    this.first = firstPosition;
    this.last = firstPosition + tokens - 1;
    this.run.reset();
    this.forget(({ tensor }) => lastOf(tensor) < firstPosition);
    for (const { tensor } of this.waiting.values()) this.check(tensor);
  }

  /** The next tensor of the stream; undefined at its end. @throws GivenRowsError `from-positions` */
  put(tensor: Tensor | undefined): void {
    if (!tensor) {
      this.ended = true;
      return;
    }
    const last = lastOf(tensor);
    if (last !== this.streamLast) this.stream.reset(); // a pass is known by its last position: some rows are of that one only
    this.streamLast = last;
    this.streamDepth = this.stream.of(tensor);
    if (last < this.first) return; // of a pass that was left before its rows had come
    this.check(tensor);
    this.waiting.set(key(tensor, last), { tensor, depth: this.streamDepth });
  }

  has(place: Place): boolean {
    return this.waiting.has(key(place, this.last));
  }

  /** Whether the stream has left the layer of this place, so that no more rows can come for it. */
  isPast(place: Place): boolean {
    if (this.ended || this.streamLast > this.last) return true;
    return this.streamLast === this.last && this.streamDepth > this.run.of(place);
  }

  /**
   * The rows of a place in this pass: all of them, or its last ones. What waits for the layers before it is let go.
   *
   * @param width what the run's own rows have
   * @throws GivenRowsError `from-width`
   */
  take(place: Place, width: number): Tensor | undefined {
    const depth = this.run.of(place);
    this.forget((one) => lastOf(one.tensor) === this.last && one.depth < depth);
    const found = this.waiting.get(key(place, this.last))?.tensor;
    if (!found) return undefined;
    this.waiting.delete(key(place, this.last));
    if (found.width !== width) {
      throw new GivenRowsError(
        'from-width',
        `${inWords(found)}: the given rows have ${found.width} values each, and this run's own have ${width}. They are of another model, or of another layout; give rows of the same model.`,
      );
    }
    return found;
  }

  /** Ends the run: what still waits was for nothing. */
  end(): void {
    this.forget(() => true);
  }

  private forget(which: (one: { tensor: Tensor; depth: number }) => boolean): void {
    for (const [at, one] of this.waiting) {
      if (!which(one)) continue;
      this.waiting.delete(at);
      this.unused.add(one.tensor.stage);
    }
  }

  /** Rows of the pass that is evaluated must be all of its rows or its last ones; others come too late or too early to be used. */
  private check(tensor: Tensor): void {
    const { positions } = tensor;
    const begin = positions[0] as number;
    if (begin > this.last) return;
    const fits =
      lastOf(tensor) === this.last && begin >= this.first && positions.every((at, row) => at === begin + row);
    if (fits) return;
    throw new GivenRowsError(
      'from-positions',
      `${inWords(tensor)}: the given rows are of the positions ${begin} to ${lastOf(tensor)}, and this run evaluates ${this.first} to ${this.last} at once. Run with micro-batches and steps that are cut where the given rows are.`,
    );
  }
}

const BEFORE = -1;
const AFTER = Number.POSITIVE_INFINITY;

const FIRST_IN_LAYER = STAGES.findIndex(({ perLayer }) => perLayer);
/** Of the whole-model stages of the vocabulary. */
const DEPTHS: ReadonlyMap<string, number> = new Map(
  STAGES.flatMap(({ name, perLayer }, i) => (perLayer ? [] : [[name, i < FIRST_IN_LAYER ? BEFORE : AFTER]])),
);

/** How deep in the model a stage is. Whole-model stages of other names are where they come: some norms of llama.cpp's have no layer. */
class Depth {
  private last = BEFORE;

  reset(): void {
    this.last = BEFORE;
  }

  of({ stage, layer }: Place): number {
    this.last = layer ?? DEPTHS.get(stage) ?? this.last;
    return this.last;
  }
}

const lastOf = ({ positions }: Tensor): number => positions[positions.length - 1] as number;
const key = ({ stage, layer }: Place, last: number): string => `${last}/${layer ?? '-'}/${stage}`;
const inWords = ({ stage, layer }: Place): string => (layer === null ? stage : `${stage} of layer ${layer}`);
