import type { Place } from './place.js';

/**
 * A node of llama.cpp's own graph, as data: what it computes, with which parameters, from what. Nodes that only show another's values in
 * another shape or order are folded away. All nodes of a graph, in evaluation order, are a `NodeOperation[]`.
 */
export interface NodeOperation {
  /** llama.cpp's name, which several nodes of a layer may share; `node_9` where it has none. */
  readonly name: string;
  /** The stage as which it is captured; null where it is none. */
  readonly place: Place | null;
  /** By ggml's name, such as SOFT_MAX; of UNARY and GLU which of them it is, such as GEGLU. */
  readonly op: string;
  /** How many values in each of ggml's four dimensions, the fastest first. */
  readonly shape: readonly number[];
  /** Those of `op_params` that are known for the operation, under ggml's names, such as freq_base. */
  readonly parameters: Readonly<Record<string, number>>;
  /** In ggml's order. */
  readonly inputs: readonly NodeInput[];
}

/** What a node reads. */
export type NodeInput =
  | { /** The index of another node. */ readonly node: number }
  | {
      /** The index of the node whose rows lie in the KV cache, those of this pass and of all before. */
      readonly cached: number;
      /** The shape in which they are read. */
      readonly shape: readonly number[];
      /** From which value of the cache on; from the first without it. */
      readonly offset?: number;
    }
  | { /** A tensor of the file, by its name. */ readonly weight: string; readonly shape: readonly number[] }
  | { readonly mask: MaskKind }
  | { /** Anything else: ids, positions, a part of another node. */ readonly other: string };

/**
 * Which positions a row sees, as far as the run shows: all before it and its own; so many of them, the last; or something else.
 */
export type MaskKind = 'causal' | number | 'other';
