import { GivenRows, GivenRowsError, type Place, placeKey, type Tensor } from '@llama-probe/dump';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';
import { rowsToHeads } from './layout.js';
import type { GraphNode } from './node.js';
import { isWritable, placesOf, writeValues } from './values.js';

/** A node that was computed, with what llama.cpp made of it. */
export interface Computed {
  readonly node: GraphNode;
  readonly values: Float32Array; // all of the node, in ggml's order
  readonly tokens: number;
  readonly layout: 'rows' | 'heads' | undefined;
}

/** What has rows to go on from. */
export type GoOnFrom = Pick<Replacement, 'begin' | 'has' | 'take' | 'put'> & Partial<Pick<Replacement, 'isPromised'>>;

/** Puts given rows (`RunOptions.from`) in the place of what llama.cpp computed, so that the nodes after it go on from them. */
export class Replacement {
  /** What was given and not used, and why. */
  readonly notes = new Set<string>();
  private readonly given = new GivenRows();
  private readonly promised: ReadonlySet<string> | undefined;

  /** @param next reads the stream of given rows; undefined at its end @param promised the stages that they are for, where they come one by one */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly next: () => Tensor | undefined,
    promised?: readonly Place[],
  ) {
    this.promised = promised && new Set(promised.map(placeKey));
  }

  /** Whether the rows are made when everything before them was passed on. */
  get isPromised(): boolean {
    return this.promised !== undefined;
  }

  /** Announces one evaluation of the graph. */
  begin(first: number, tokens: number): void {
    told(() => this.given.begin(first, tokens));
  }

  /** Whether there are rows for this stage; reads the stream until it is known. */
  has(place: Place): boolean {
    if (this.promised) return this.promised.has(placeKey(place));
    while (!this.given.has(place) && !this.given.isPast(place)) told(() => this.given.put(this.next()));
    return this.given.has(place);
  }

  /**
   * The rows for this stage, once. They count as used.
   *
   * @throws LlamaCppError `from-width`
   */
  take(place: Place, width: number): Tensor | undefined {
    if (this.promised) return this.wait(place);
    return told(() => this.given.take(place, width));
  }

  /** The next rows of the stream, which are those of this stage; undefined where it stays as it is. @throws LlamaCppError `from-order` */
  private wait(place: Place): Tensor | undefined {
    const found = this.next();
    if (found && placeKey(found) === placeKey(place)) return found.positions.length > 0 ? found : undefined;
    const got = found ? placeKey(found) : 'nothing';
    throw new LlamaCppError('from-order', `rows of ${got} were given where those of ${placeKey(place)} were promised.`);
  }

  /**
   * @param isHidden of an entry of the rows, by its index: llama.cpp's own value stays
   * @returns all that the node holds now; undefined where nothing was put there
   */
  put(
    given: Tensor,
    { node, values, tokens, layout }: Computed,
    isHidden?: (entry: number) => boolean,
  ): Float32Array | undefined {
    if (!isWritable(node)) {
      const type = this.library.ggml_type_name(node.type);
      this.notes.add(`${given.stage} is ${type} in llama.cpp, which given rows are not put into; its own went on`);
      return undefined;
    }
    const firstRow = tokens - given.positions.length; // the last rows, where not all were given
    const all = values.slice();
    if (layout === 'heads') rowsToHeads(given, firstRow, node.ne, all, isHidden);
    else all.set(given.values, firstRow * given.width);
    this.keepInside(given.stage, all, values, placesOf(node));
    writeValues(this.library, node, all);
    return all;
  }

  /** llama.cpp stops the process at an id that names nothing. */
  private keepInside(stage: string, ids: Float32Array, own: Float32Array, places: number | undefined): void {
    if (places === undefined) return;
    const isInside = (id: number) => Number.isInteger(id) && id >= 0 && id < places;
    const wrong = ids.find((id) => !isInside(id));
    if (wrong === undefined) return;
    const what = `the ${places} that there are: they were not put there, its own went on`;
    this.notes.add(`${stage} has ids such as ${wrong} that are none of ${what}`);
    ids.forEach((id, i) => {
      if (!isInside(id)) ids[i] = own[i] as number;
    });
  }

  /** Ends the run. */
  end(): void {
    this.given.end();
    for (const stage of this.given.unused)
      this.notes.add(`rows of ${stage} were given, and this run has no such stage`);
  }
}

function told<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof GivenRowsError ? new LlamaCppError(error.code, error.message) : error;
  }
}
