import type { Tensor } from '@llama-probe/dump';

/** What an error is put into: the rows of a stage at consecutive positions from 0 on. */
export interface Target {
  readonly tensor: Tensor;
  /** Of the queries: a row of scores is (heads, n_kv). */
  readonly heads: number;
  readonly token: number;
  /** The same seed gives the same error, at any size. */
  readonly seed: number;
}

/** An error of a size, put into a copy of a stage's rows. What the mask hides stays as it is. */
export type Mistake = (target: Target, size: number) => Float32Array;

/** Noise in one row, in a random direction: ‖noise‖ = size · ‖row‖. */
export const noiseInRow: Mistake = (target, size) => {
  const wrong = target.tensor.values.slice();
  const seen = seenOf(target, target.token);
  const next = random(target.seed);
  const noise = seen.map(() => normal(next));
  const scale = (size * norm(seen.map((i) => wrong[i] as number))) / norm(noise);
  for (const [n, i] of seen.entries()) wrong[i] = (wrong[i] as number) + scale * (noise[n] as number);
  return wrong;
};

/** One value of one row, changed by `size` times the RMS of the whole stage. */
export const oneValue: Mistake = (target, size) => {
  const wrong = target.tensor.values.slice();
  const seen = seenOf(target, target.token);
  const next = random(target.seed);
  const i = seen[Math.floor(next() * seen.length)] as number;
  wrong[i] = (wrong[i] as number) + (next() < 0.5 ? -size : size) * rms(target.tensor.values);
  return wrong;
};

const SCORES: ReadonlySet<string> = new Set(['kq', 'kq_soft_max']);

/** The indices of a token's row, without those of the positions that it must not see. */
function seenOf({ tensor: { stage, width }, heads }: Target, token: number): number[] {
  const row = Array.from({ length: width }, (_, i) => token * width + i);
  return SCORES.has(stage) ? row.filter((_, i) => i % (width / heads) <= token) : row;
}

const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Over what a comparison compares: all but the NaN of a mask. */
function rms(values: Float32Array): number {
  const compared = values.filter(Number.isFinite);
  return Math.sqrt(compared.reduce((sum, value) => sum + value * value, 0) / compared.length);
}

/** Marsaglia's xorshift32, in [0, 1). */
function random(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b9) | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Box and Muller's. */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
