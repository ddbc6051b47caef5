import type { Precision } from '@llama-probe/dump/precision';
import type { Reading } from './block-parts.js';
import type { QuantizedType } from './blocks.js';
import type { Activation } from './variants/activations.js';

/**
 * How one computation of a stage differs from the right one: plain data, with a group of fields for each operation. What is left out is
 * right; {} is the right computation. A group changes nothing at a stage of another operation.
 */
export interface Variation {
  readonly norm?: NormVariation;
  readonly rope?: RopeVariation;
  readonly attention?: AttentionVariation;
  readonly softMax?: SoftMaxVariation;
  readonly activation?: ActivationVariation;
  readonly residual?: ResidualVariation;
  readonly product?: ProductVariation;
  readonly embedding?: EmbeddingVariation;
  readonly output?: OutputVariation;
  readonly step?: StepVariation;
  readonly experts?: ExpertsVariation;
}

/**
 * Two bugs of one stage at once; undefined if both change the same field.
 *
 * @example together({ rope: { pairs: 'halves' } }, { rope: { base: 500000 } }) // { rope: { pairs: 'halves', base: 500000 } }
 */
export function together(a: Variation, b: Variation): Variation | undefined {
  const both: Record<string, object> = { ...a };
  for (const [group, fields] of Object.entries(b)) {
    const others = both[group] ?? {};
    if (Object.keys(fields).some((field) => Object.hasOwn(others, field))) return undefined;
    both[group] = { ...others, ...fields };
  }
  return both;
}

/** attn_rms, ffn_rms, result_rms; `weight` and `other` vary attn_norm, ffn_norm, result_norm. */
export interface NormVariation {
  readonly epsilon?: number;
  /** Added to the root, not under it. */
  readonly epsilonPlace?: 'outside';
  /** The mean is subtracted first, as in LayerNorm; or it is not, where the model has one. */
  readonly mean?: 'subtracted' | 'kept';
  /** Values are read so many places further on. */
  readonly offset?: number;
  /** What is under the root in place of the row's mean square. */
  readonly square?: 'sum' | 'of-all-rows';
  /** Nothing is divided: the row goes through. */
  readonly skipped?: true;
  /** Every partial sum of squares is rounded to this. */
  readonly accumulate?: Precision;
  readonly weight?: 'missing' | 'twice' | 'plus-one' | 'added';
  /** Another weight of the file, by name. */
  readonly other?: string;
}

/** q_rope, k_rope; and v_proj where `applied` says so. */
export interface RopeVariation {
  readonly pairs?: 'halves' | 'neighbours';
  /** Each number has the frequency that it would have in these pairs, whatever pairs are turned. */
  readonly frequencies?: 'halves' | 'neighbours';
  readonly base?: number;
  readonly scale?: number;
  readonly factors?: 'missing' | 'multiplied';
  readonly offset?: number;
  /** Every row is at this position; or the rows of this step count from 0. */
  readonly position?: number | 'from-zero';
  readonly direction?: -1;
  /** Only the first dims of a head are turned; their frequencies count over them, or over the whole head. Or its first pairs, of as many numbers. */
  readonly dims?: number;
  readonly dimsOf?: 'head' | 'pairs';
  /** Pairs are counted on over the whole row, not over a head. */
  readonly across?: 'row';
  /** YaRN without its magnitude, taken for linear scaling, or left out altogether. */
  readonly yarn?: 'no-magnitude' | 'linear' | 'missing';
  /** The index of a frequency runs on from one head into the next: pair j of head h has that of pair h · dims / 2 + j. */
  readonly index?: 'runs-on';
  /** Only this many heads are turned. */
  readonly heads?: number;
  readonly times?: 0 | 2;
  /**
   * Of a token's positions: all pairs are turned by the first one, or in the order of the sections from the last to the first; text has only the
   * first, or the first two, and the other pairs stay; or the frequencies of each section begin anew, counted over the head or over the section.
   */
  readonly sections?: 'ignored' | 'reversed' | 'first' | 'first-two' | 'anew' | 'anew-by-section';
  /** The norm of Q or K, which comes before it, is taken of what was turned. */
  readonly norm?: 'after';
  /** v_proj: turned as if it were K. */
  readonly applied?: true;
}

/** kq and kqv_out: which head of the cache is read, and what the cache holds. */
export interface AttentionVariation {
  readonly heads?: 'tiled' | 'first' | 'last' | 'clamped' | 'wrapped' | 'overrun' | 'reversed';
  /** How the cache, (n_kv, kvHeads · headDim), is taken for another layout. */
  readonly layout?: 'stored-transposed' | 'read-transposed' | 'stored-heads-first' | 'read-heads-first';
  /** Position p has the row that belongs to p − shift, or 0 if there is none. */
  readonly shift?: number;
  /** The rows of this step are not in it yet. */
  readonly newest?: 'missing';
  readonly type?: 'F16' | 'Q8_0' | 'Q4_0';
  /** The keys are turned back, or the cache is turned once more. */
  readonly turned?: 1 | -1;
  /** kq: the score is multiplied already. */
  readonly scale?: number;
  /** The score is rounded to this. */
  readonly precision?: Precision;
  /** kqv_out: in what order the numbers of a row, or of all rows, are left. */
  readonly order?: HeadOrder | 'heads-first';
  /** Values of positions that a row must not see are weighed too, where the softmax leaves them a probability. */
  readonly weighs?: 'all';
}

/** kq_soft_max; and kq, where an engine leaves out what its mask hides. */
export interface SoftMaxVariation {
  /** In place of 1 / √headDim. */
  readonly scale?: number;
  /** The scaled scores are divided by it. */
  readonly temperature?: number;
  readonly softCap?: SoftCap;
  /** A row sees up to its own position plus this: 1 one too many, −1 not itself, Infinity everything. */
  readonly ahead?: number;
  /** A row sees no more than this many positions, its own among them; Infinity where the model has a window. */
  readonly window?: number;
  /** The mask of a decode step forgets the positions before it. */
  readonly past?: 'hidden';
  /** The mask counts the rows of every chunk of so many tokens from 0. */
  readonly chunk?: number;
  /** The mask multiplies the scores by 0; or it sets the probabilities to 0 after the sum was taken. */
  readonly masked?: 'zero' | 'after';
  /** The probabilities of a row that sees nothing; NaN (0 / 0) if it is left out. */
  readonly blind?: 'zero' | 'uniform' | 'uniform-seen';
  /** What a hidden score is: the largest visible one (what a blaming run puts there), or q · k. */
  readonly hidden?: 'largest' | 'scores';
  /** Without subtracting the maximum, in this precision. */
  readonly noMaximum?: Precision;
  /** The scores that a model has beside those of positions. */
  readonly sinks?: 'missing';
  /** ALiBi's slopes: of a number of heads that is taken for a power of two, or of the next one; with exponents from 0 on; or of the heads the other way round. */
  readonly slopes?: 'missing' | 'of-any-count' | 'of-next-power' | 'from-zero' | 'reversed';
  readonly maxAlibiBias?: number;
  /** What ALiBi takes for the distance: the other position alone, which falls towards the row's own. Or the whole is scaled as the score is. */
  readonly distance?: 'from-first' | 'scaled';
  readonly sum?: 'plus-one' | 'missing' | 'over-heads' | 'over-row';
  readonly precision?: Precision;
}

/** cap · tanh(x / cap), or what is made of it. */
export interface SoftCap {
  readonly cap: number;
  readonly form?: 'tanh-alone' | 'undivided' | 'clamped' | 'divided-twice';
}

/** ffn_swiglu. */
export interface ActivationVariation {
  readonly of?: Activation;
  /** How gate and up are put together. */
  readonly combine?: 'exchanged' | 'up-missing' | 'added' | 'of-product' | 'interleaved';
  /** Of a bounded unit: gate and up are not bounded, the gate from below too, or up alone. */
  readonly bounds?: 'missing' | 'gate-below' | 'up-alone';
  /** Of a bounded unit: up is not raised by one. */
  readonly raised?: 'missing';
  /** Of a bounded unit: what its gate is multiplied by within the sigmoid. */
  readonly alpha?: number;
}

/** ffn_inp, l_out: times · residual + branch · what is added. */
export interface ResidualVariation {
  readonly times?: number;
  readonly branch?: number;
  /** The residual was overwritten by its norm, with or without the weight. */
  readonly overwritten?: 'norm' | 'rms';
}

/** The product with a weight. `embd`, which reads rows of one, obeys weight, type, reading, walk and group. */
export interface ProductVariation {
  /** Another tensor of the file, by name. */
  readonly weight?: string;
  /** The bytes are taken for this type. */
  readonly type?: QuantizedType;
  readonly reading?: Reading;
  /** Where weight (row, column) is looked for. */
  readonly walk?: 'transposed' | 'blocks-by-column' | 'blocks-reversed';
  /** The index of a run of `size` weights is missing: the first of every `of` runs is read in place of the others too. */
  readonly group?: { readonly size: number; readonly of: number };
  /** The outputs of each head, reordered one step after another. */
  readonly permute?: readonly Permutation[];
  /** The weight is several in one, Q, K and V, and is split as if each group of heads had its own queries, then its key, then its value. */
  readonly fused?: 'by-group';
  /** The heads among the outputs, or among the inputs. */
  readonly outputs?: HeadOrder;
  readonly inputs?: HeadOrder;
  readonly bias?: 'missing' | 'twice' | 'unpermuted';
  /** Inputs are rounded to this; every partial sum is rounded to this. */
  readonly inputPrecision?: Precision;
  readonly accumulate?: Precision;
}

/** Rows 2j and 2j + 1 of a head to j and j + half, or the other way: what converting between Hugging Face and GGUF does to Q and K. */
export interface Permutation {
  readonly to: 'halves' | 'neighbours';
  /** How many heads it takes the rows for. */
  readonly heads: number;
}

/** Heads the other way round; each head's numbers apart; or query heads by their place within a group. */
export type HeadOrder = 'reversed' | 'dimension-major' | 'from-dimension-major' | 'group-major' | 'from-group-major';

/** ffn_moe_weighted. */
export interface ExpertsVariation {
  /** The bias of each expert is added after the weighting; left out; or that of the place among those chosen, whoever stands there. */
  readonly bias?: 'unweighted' | 'missing' | 'by-place';
  /** Whose matrices are read: of the place among those chosen, always the first's, or the next one's. */
  readonly matrices?: 'by-place' | 'first' | 'next';
  /** What the router's logits go through. */
  readonly router?: 'softmax' | 'sigmoid' | 'nothing';
  /** The weights of those chosen are divided by their sum, or are not. */
  readonly normalised?: 'missing' | 'extra';
  /** How the rows of those chosen are weighted. */
  readonly weights?: 'missing' | 'twice' | 'reversed';
  /** Which of those chosen are added. */
  readonly added?: 'first' | 'mean' | 'without-last';
}

/** Steps that a model has between others, and that are left out or come twice. */
export interface StepVariation {
  /** A factor, such as that of the embedding; or it is applied twice. */
  readonly scale?: 'missing' | 'twice';
  /** Another factor in its place. */
  readonly factor?: number;
  /** The stage whose rows that factor is of. */
  readonly of?: string;
  /** A soft-cap of the scores or the logits. */
  readonly softCap?: 'missing';
}

/** embd. */
export interface EmbeddingVariation {
  readonly idOffset?: number;
}

/** What happens to the right rows of any stage, in this order. */
export interface OutputVariation {
  readonly times?: number;
  readonly softCap?: SoftCap;
  /** Cut off at ±clip. */
  readonly clip?: number;
  readonly precision?: Precision;
  /** Bits past this format's are dropped: towards zero, not to the nearest. */
  readonly cut?: Exclude<Precision, 'f32'>;
  /** Outputs from this column on are 0. */
  readonly limit?: number;
  readonly zero?: true;
  /** Each row is another one: that many further, the first or the last. */
  readonly row?: number | 'first' | 'last' | 'reversed';
}
