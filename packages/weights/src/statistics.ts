/** What a tensor's values are like. Minimum, maximum, mean and RMS are of the finite ones. */
export interface Statistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly rms: number;
  readonly zeros: number;
  readonly nan: number;
  readonly inf: number;
  /** Where the first value is that is no number, or no finite one. */
  readonly firstBad: Index | null;
  /** Rows of nothing but zeros, and which is the first of them. */
  readonly deadRows: number;
  readonly firstDead: number | null;
  /** Of a quantised tensor the block that is by far larger than all others: its scale may be damaged. A heuristic. */
  readonly loud: (Index & { readonly times: number }) | null;
}

/** A value of a matrix. */
export interface Index {
  readonly row: number;
  readonly column: number;
}

/** From so many times the RMS of all else on a block is suspicious: an exponent bit of a half that flips makes it 256 times larger or more. */
const LOUD = 100;

/** Adds up the statistics of a tensor that comes in pieces of whole rows. */
export class StatisticsSums {
  private count = 0;
  private sum = 0;
  private squares = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  private zeros = 0;
  private nan = 0;
  private inf = 0;
  private firstBad: Index | null = null;
  private deadRows = 0;
  private firstDead: number | null = null;
  private loudest = { squares: -1, count: 1, row: 0, column: 0 };

  /** @param block values of a block of the type, 1 where it has none */
  constructor(
    private readonly columns: number,
    private readonly block: number,
  ) {}

  add(values: Float32Array, firstRow: number): void {
    const { columns } = this;
    for (let at = 0, row = firstRow; at < values.length; at += columns, row++) {
      const zerosBefore = this.zeros;
      const step = this.block > 1 ? this.block : columns;
      for (let column = 0; column < columns; column += step) {
        this.addBlock(values, at + column, Math.min(step, columns - column), row, column);
      }
      if (this.zeros - zerosBefore === columns) {
        this.deadRows++;
        this.firstDead ??= row;
      }
    }
  }

  result(): Statistics {
    const finite = Math.max(1, this.count - this.nan - this.inf);
    const { zeros, nan, inf, firstBad, deadRows, firstDead } = this;
    const isEmpty = this.count === nan + inf;
    return {
      min: isEmpty ? Number.NaN : this.min,
      max: isEmpty ? Number.NaN : this.max,
      mean: this.sum / finite,
      rms: Math.sqrt(this.squares / finite),
      ...{ zeros, nan, inf, firstBad, deadRows, firstDead },
      loud: this.loud(finite),
    };
  }

  private addBlock(values: Float32Array, begin: number, count: number, row: number, column: number): void {
    let { min, max, zeros } = this;
    let sum = 0;
    let squares = 0;
    for (let i = begin; i < begin + count; i++) {
      const value = values[i] as number;
      if (value - value !== 0) {
        this.addBad(value, row, column + i - begin); // NaN and infinities are no part of the sums
        continue;
      }
      if (value === 0) zeros++;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      squares += value * value;
    }
    this.count += count;
    this.sum += sum;
    this.squares += squares;
    this.min = min;
    this.max = max;
    this.zeros = zeros;
    if (this.block > 1 && squares * this.loudest.count > this.loudest.squares * count) {
      this.loudest = { squares, count, row, column };
    }
  }

  private addBad(value: number, row: number, column: number): void {
    if (Number.isNaN(value)) this.nan++;
    else this.inf++;
    this.firstBad ??= { row, column };
  }

  private loud(finite: number): Statistics['loud'] {
    const { squares, count, row, column } = this.loudest;
    const others = (this.squares - squares) / Math.max(1, finite - count);
    const times = Math.sqrt(squares / count / others);
    return this.block > 1 && finite > count && times > LOUD ? { row, column, times } : null;
  }
}
