import type { HeadOrder, Permutation } from '../variation.js';

/** For each place, which of the right places its number comes from. */
export type Order = Int32Array;

/** The first order, then the second over what it left. */
export const andThen = (first: Order, second: Order): Order => second.map((from) => first[from] as number);

/**
 * The outputs of every head reordered: converting Q and K between Hugging Face (pairs are halves of a head) and GGUF (neighbours).
 *
 * @example permutation(4, { to: 'halves', heads: 1 }) // [0, 2, 1, 3]: even places first
 * Source: `permute` in llama.cpp's convert_hf_to_gguf.py; what goes wrong: huggingface/transformers#31788.
 */
export function permutation(width: number, { to, heads }: Permutation): Order {
  const dim = width / heads;
  const half = dim / 2;
  return Int32Array.from({ length: width }, (_, i) => {
    const [head, d] = [Math.floor(i / dim), i % dim];
    const from = to === 'halves' ? (d % half) * 2 + Math.floor(d / half) : (d % 2) * half + (d >> 1);
    return head * dim + from;
  });
}

/**
 * Heads in another order.
 *
 * @param heads of the row @param kvHeads how many groups of query heads
 * @example headOrder('reversed', 4, 2, 1) // [2, 3, 0, 1]
 */
export function headOrder(order: HeadOrder, width: number, heads: number, kvHeads: number): Order {
  const dim = width / heads;
  const group = heads / kvHeads;
  const from: Record<HeadOrder, (i: number, head: number, d: number) => number> = {
    reversed: (_, head, d) => (heads - 1 - head) * dim + d,
    'dimension-major': (i) => (i % heads) * dim + Math.floor(i / heads),
    'from-dimension-major': (_, head, d) => d * heads + head,
    'group-major': (_, head, d) => ((head % kvHeads) * group + Math.floor(head / kvHeads)) * dim + d,
    'from-group-major': (_, head, d) => ((head % group) * kvHeads + Math.floor(head / group)) * dim + d,
  };
  return Int32Array.from({ length: width }, (_, i) => from[order](i, Math.floor(i / dim), i % dim));
}
