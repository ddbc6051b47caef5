import { type Place, placeKey, type Tensor } from '@llama-probe/dump';
import type { Computed, GoOnFrom } from '../capture/replace.js';
import type { Slice } from './dequantiser.js';

/** What the slices of the head make of one pass, put together: rows of logits are as wide as a slice in each of them. */
export class HeadRows {
  /** In evaluation order. */
  readonly tensors: Tensor[] = [];
  /** Of the last row. */
  readonly logits: Float32Array;
  private at = 0;

  /** @param room how wide a slice's rows are */
  constructor(
    private readonly vocabulary: number,
    private readonly room: number,
  ) {
    this.logits = new Float32Array(vocabulary);
  }

  /** Announces a slice. */
  begin(): void {
    this.at = 0;
  }

  /** The next tensor of a slice: the same ones come of each. */
  put(tensor: Tensor, slice: Slice): void {
    const { room, vocabulary, tensors } = this;
    const index = this.at++;
    const isSliced = tensor.width === room && room < vocabulary;
    const rows = tensor.positions.length;
    tensors[index] ??= isSliced
      ? { ...tensor, width: vocabulary, values: new Float32Array(rows * vocabulary) }
      : tensor;
    if (!isSliced) return;
    const { values } = tensors[index] as Tensor;
    for (let row = 0; row < rows; row++) {
      values.set(tensor.values.subarray(row * room, row * room + slice.rows), row * vocabulary + slice.first);
    }
  }

  putLogits(row: Float32Array, slice: Slice): void {
    this.logits.set(row.subarray(0, slice.rows), slice.first);
  }
}

/** The given rows of the head: of logits the columns of the slice that is evaluated. They come once, and are needed for each slice. */
export class HeadGiven implements GoOnFrom {
  private readonly taken = new Map<string, Tensor | undefined>();
  private slice: Slice = { first: 0, rows: 0 };

  constructor(
    private readonly given: GoOnFrom,
    private readonly vocabulary: number,
    private readonly room: number,
  ) {}

  use(slice: Slice): void {
    this.slice = slice;
  }

  /** The pass has begun with its blocks. */
  begin(): void {}

  has(place: Place): boolean {
    return this.taken.has(placeKey(place)) || this.given.has(place);
  }

  take(place: Place, width: number): Tensor | undefined {
    const { room, vocabulary, slice, taken } = this;
    const isSliced = width === room && room < vocabulary;
    const key = placeKey(place);
    if (!taken.has(key)) taken.set(key, this.given.take(place, isSliced ? vocabulary : width));
    const rows = taken.get(key);
    if (!rows || !isSliced) return rows;
    const values = new Float32Array(rows.positions.length * room);
    for (let row = 0; row < rows.positions.length; row++) {
      const from = row * vocabulary + slice.first;
      values.set(rows.values.subarray(from, from + slice.rows), row * room);
    }
    return { ...rows, width: room, values };
  }

  put(given: Tensor, computed: Computed, isHidden?: (entry: number) => boolean): Float32Array | undefined {
    return this.given.put(given, computed, isHidden);
  }
}
