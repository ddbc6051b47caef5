/**
 * SiLU, also called swish: x · σ(x) = x / (1 + e⁻ˣ).
 *
 * Source: Elfwing et al. 2017, arXiv:1702.03118; Ramachandran et al. 2017, arXiv:1710.05941.
 * @example silu(1) // 0.7310585786300049
 */
export const silu = (x: number): number => x / (1 + Math.exp(-x));

/**
 * The gated unit of the feed-forward half: silu(gate) · up.
 *
 * @param gate (tokens, n_ff) @param up (tokens, n_ff) @returns (tokens, n_ff)
 * Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
 * @example swiglu(Float64Array.of(1), Float64Array.of(2)) // [1.4621171572600098]
 */
export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((g, i) => silu(g) * (up[i] as number));
}
