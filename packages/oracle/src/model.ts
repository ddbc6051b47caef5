import type { Sections } from './sections.js';
import type { Yarn } from './yarn.js';

/** The hyperparameters that the pass needs; names are GGUF's. */
export interface OracleConfig {
  readonly embeddingLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headDim: number;
  readonly rmsEpsilon: number;
  readonly ropeFreqBase: number;
  readonly ropeFreqScale: number;
  /** Where the scale is YaRN's. */
  readonly ropeYarn?: Yarn;
  /** `neighbours` without it. */
  readonly ropePairs?: 'neighbours' | 'halves';
  readonly attentionScale: number;
  /** How many numbers of a head are turned, its first ones; all without it. */
  readonly ropeDims?: number;
  /** The tensor of what slows down each pair, or null if there is none; `rope_freqs.weight`, if the file has it, without it. */
  readonly ropeFactors?: string | null;
  /** Which of a token's positions turns each pair; all by the same one without it. */
  readonly ropeSections?: Sections;
  /** How many positions a row sees, its own among them; all up to it without it. */
  readonly window?: number;
  /** Where scores fall with the distance: ALiBi's slopes go down to 2^−this. */
  readonly maxAlibiBias?: number;
}

/** A llama model in memory, dequantised. Matrices are (outputs, inputs), as in the file. */
export interface OracleModel {
  readonly config: OracleConfig;
  readonly tokenEmbd: Float64Array; // (vocabulary, n_embd)
  readonly blk: readonly OracleLayer[];
  readonly outputNorm: Float64Array; // (n_embd)
  readonly output: Float64Array; // (vocabulary, n_embd); tokenEmbd if the head is tied
  readonly ropeFreqs?: Float64Array; // (headDim / 2)
}

export interface OracleLayer {
  readonly attnNorm: Float64Array; // (n_embd)
  readonly attnQ: Float64Array; // (heads · headDim, n_embd)
  readonly attnK: Float64Array; // (kvHeads · headDim, n_embd)
  readonly attnV: Float64Array; // (kvHeads · headDim, n_embd)
  readonly attnQBias?: Float64Array; // (heads · headDim)
  readonly attnKBias?: Float64Array; // (kvHeads · headDim)
  readonly attnVBias?: Float64Array; // (kvHeads · headDim)
  readonly attnOutput: Float64Array; // (n_embd, heads · headDim)
  readonly ffnNorm: Float64Array; // (n_embd)
  readonly ffnGate: Float64Array; // (n_ff, n_embd)
  readonly ffnUp: Float64Array; // (n_ff, n_embd)
  readonly ffnDown: Float64Array; // (n_embd, n_ff)
}
