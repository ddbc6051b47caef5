/** A product, as both sides get it. */
export interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly tokens: number;
  /** Rows of Q4_0 blocks, as in a GGUF file: 32 weights in 18 bytes, an f16 scale and nibbles, those of the first half of a block low. */
  readonly weights: Uint8Array;
  /** (tokens, columns) */
  readonly x: Float32Array;
}

export const BLOCK = 32;
const BYTES = 18;

export function randomProduct(shape: Pick<Product, 'rows' | 'columns' | 'tokens'>, random: () => number): Product {
  const { rows, columns, tokens } = shape;
  const weights = Uint8Array.from({ length: (rows * columns * BYTES) / BLOCK }, () => random() * 256);
  // Scales of 2^-7 to 2^-5, as halves: exponents of 8 to 9, any fraction.
  for (let at = 0; at < weights.length; at += BYTES) weights[at + 1] = 0x20 + random() * 8;
  return { ...shape, weights, x: Float32Array.from({ length: tokens * columns }, () => random() * 2 - 1) };
}

/** The scale of each block, and its weights' numbers of 0 to 15, two a byte, neighbours together. */
export function unpacked({ weights }: Product): { scales: Float32Array; nibbles: Uint8Array } {
  const count = weights.length / BYTES;
  const scales = new Float32Array(count);
  const nibbles = new Uint8Array((count * BLOCK) / 2);
  for (let block = 0; block < count; block++) {
    const at = block * BYTES;
    const half = (weights[at] as number) | ((weights[at + 1] as number) << 8);
    scales[block] = 2 ** ((half >> 10) - 15) * (1 + (half & 1023) / 1024); // positive and normal, as they were made
    const number = (i: number) => ((weights[at + 2 + (i % 16)] as number) >> (i < 16 ? 0 : 4)) & 15;
    for (let pair = 0; pair < BLOCK / 2; pair++) {
      nibbles[(block * BLOCK) / 2 + pair] = number(2 * pair) | (number(2 * pair + 1) << 4);
    }
  }
  return { scales, nibbles };
}
