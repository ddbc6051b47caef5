import type { RopeConfig } from './rope-config.js';

/** The hyperparameters of a model, checked. Names are GGUF's without their prefix. What an architecture does not have is left out. */
export interface LlamaConfig extends RopeConfig {
  readonly architecture: string;
  readonly blockCount: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headDim: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly rmsEpsilon: number;
  /** Which values of a head are turned with each other: 2j and 2j + 1, or j and j + half of them. */
  readonly ropePairs: 'neighbours' | 'halves';
  /** So many values of a head are turned, from its first on; all without it. Pairs are of these. */
  readonly ropeDims?: number;
  /** What the scores are multiplied by before the softmax. */
  readonly attentionScale: number;
  /** Tokens see those after them too. */
  readonly seesAll?: true;
  /** What Q is multiplied by before the scores, which are then not scaled. */
  readonly queryScale?: number;
  /** Q and K are normed: each head, or all together. */
  readonly headNorms?: 'head' | 'row';
  /** What attention and feed-forward give is normed before it is added. */
  readonly hasPostNorms?: true;
  /** Gate and up are one matrix. */
  readonly gateIsInUp?: true;
  /** The embedding is multiplied by this. */
  readonly embeddingScale?: number;
  /** What is added to the residual stream is multiplied by this. */
  readonly residualScale?: number;
  /** The logits are multiplied by this. */
  readonly logitScale?: number;
  /** The scores are bent to stay within ± this. */
  readonly attentionSoftCap?: number;
  /** So are the logits. */
  readonly finalSoftCap?: number;
  /** Some layers see so many positions only, their own among them, and turn by a base of their own. */
  readonly windows?: { readonly size: number; readonly layers: readonly boolean[]; readonly rope?: RopeConfig };
  /** Q grows with the position: times 1 + scale · ln(1 + ⌊position / every⌋). */
  readonly temperature?: { readonly scale: number; readonly every: number };
  /** Nothing is turned. */
  readonly isUnrotated?: true;
  /** A mixture of experts in place of the feed-forward. */
  readonly experts?: Experts;
}

/** How many values of a head are turned. */
export const turnedOf = ({ ropeDims, headDim }: Pick<LlamaConfig, 'ropeDims' | 'headDim'>): number =>
  ropeDims ?? headDim;

export interface Experts {
  readonly count: number;
  /** How many of them a token goes through. */
  readonly used: number;
  /** The width of one. */
  readonly feedForwardLength: number;
}

/** What a token of a layer sees. */
export interface Sight {
  /** So many positions, the last up to its own; all up to it without. */
  readonly window?: number | undefined;
  /** Those after it too. */
  readonly all?: boolean | undefined;
}

/** What a token of a layer sees, by its hyperparameters. */
export const sightOf = (
  { seesAll, windows }: Pick<LlamaConfig, 'seesAll' | 'windows'>,
  layer: number | null,
): Sight => ({
  window: layer !== null && windows?.layers[layer] ? windows.size : undefined,
  all: seesAll,
});
