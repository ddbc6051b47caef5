/** A mean, and its uncertainty: one standard deviation. */
export interface Estimate {
  readonly value: number;
  readonly uncertainty: number;
}

const FEWEST = 10; // of which llama.cpp's tool says an uncertainty

/** Sums of a quantity and of its square. Source: llama.cpp, tools/perplexity/perplexity.cpp, `mean_and_uncertainty`. */
export class Mean {
  count = 0;
  sum = 0;
  private squares = 0;

  add(x: number): void {
    this.count++;
    this.sum += x;
    this.squares += x * x;
  }

  estimate(): Estimate {
    const { count, sum, squares } = this;
    if (count === 0) return { value: 0, uncertainty: 0 };
    const value = sum / count;
    const variance = squares / count - value * value;
    return { value, uncertainty: variance > 0 && count > FEWEST ? Math.sqrt(variance / (count - 1)) : 0 };
  }
}

/** The covariance of two means, from the sum of products. Source: the same, `covariance`. */
export function covariance(a: Mean, b: Mean, products: number): number {
  const { count } = a;
  if (count < FEWEST) return 0;
  return (products / count - (a.sum / count) * (b.sum / count)) / (count - 1);
}

/** Between two of the sorted values in proportion. Source: the same, `percentile`. @param fraction from 0 to 1 */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  const at = Math.min(1, Math.max(0, fraction)) * (sorted.length - 1);
  const below = Math.floor(at);
  const [low, high] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)] as number];
  return low === high ? low : (1 - (at - below)) * low + (at - below) * high;
}
