import type { GraphNode, WholeNode } from './node.js';

/** Where an operation keeps a parameter among its `op_params`, and as what. */
type Field = readonly ['int' | 'float', number];

/** ggml's operations whose parameters are known: as ggml.c writes them with ggml_set_op_params. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  RMS_NORM: { eps: ['float', 0] },
  NORM: { eps: ['float', 0] },
  SCALE: { scale: ['float', 0], bias: ['float', 1] },
  SOFT_MAX: { scale: ['float', 0], max_bias: ['float', 1] },
  ROPE: {
    n_dims: ['int', 1],
    mode: ['int', 2],
    n_ctx_orig: ['int', 4],
    freq_base: ['float', 5],
    freq_scale: ['float', 6],
    ext_factor: ['float', 7],
    attn_factor: ['float', 8],
    beta_fast: ['float', 9],
    beta_slow: ['float', 10],
    section_0: ['int', 11],
    section_1: ['int', 12],
    section_2: ['int', 13],
    section_3: ['int', 14],
  },
  CONCAT: { dim: ['int', 0] },
  CLAMP: { min: ['float', 0], max: ['float', 1] },
  ARGSORT: { descending: ['int', 0] },
  GLU: { swapped: ['int', 1], alpha: ['float', 2], limit: ['float', 3] },
};

/** A node's parameters by name; none of an operation that is not in the table. */
export function parametersOf({ op, ints, floats }: WholeNode): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, [type, at]] of Object.entries(FIELDS[op] ?? {})) {
    found[name] = (type === 'int' ? ints : floats)[at] as number;
  }
  return found;
}

/** How many values of its source lie before a VIEW; ggml keeps that among `op_params`, in bytes. */
export const viewBegins = ({ nb, ints }: Pick<WholeNode, 'nb' | 'ints'>): number =>
  (ints[0] as number) / Math.min(...nb);

/**
 * Which part of each row of its source a VIEW has: from which value on (`offset`), how many pieces as long as its first dimension, and how far
 * apart they begin (`step`). Nothing where it is no such part.
 *
 * @param tokens how many rows both have @example partOf(vcur, wqkv, 4) // { offset: 192, pieces: 2, step: 32 }
 */
export function partOf({ ne, nb, ints }: WholeNode, source: GraphNode, tokens: number): Record<string, number> {
  const [bytes] = nb;
  const row = sizeOf(source) / tokens;
  const pieces = sizeOf({ ne }) / tokens / ne[0];
  const next = ne[1] === tokens && ne[2] === 1 ? nb[1] : nb[2]; // bytes from a row to the next one
  const [offset, step] = [(ints[0] as number) / bytes, pieces > 1 ? nb[1] / bytes : ne[0]];
  const isOfRows = Number.isInteger(row) && Number.isInteger(pieces) && (tokens === 1 || next === row * bytes);
  const isInside = Number.isInteger(offset) && offset >= 0 && offset + (pieces - 1) * step + ne[0] <= row;
  return isOfRows && isInside && source.nb[0] === bytes ? { offset, pieces, step } : {};
}

const sizeOf = ({ ne }: Pick<GraphNode, 'ne'>): number => ne.reduce((product, count) => product * count, 1);
