import type { LlamaLibrary } from '../library/library.js';
import type { GraphNode } from './node.js';
import { readValues, writeValues } from './values.js';

/** 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415, section 2, as ggml approximates it. */
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));

/** x·σ(1.702·x), the same paper's other approximation. */
const geluQuick = (x: number): number => x / (1 + Math.exp(-1.702 * x));

/** What ggml's CPU kernels read from a table of f16 values, by the operation and its kind. */
const TABLED: Readonly<Record<string, (x: number) => number>> = {
  'UNARY GELU': gelu,
  'UNARY GELU_QUICK': geluQuick,
  'GLU GEGLU': gelu,
  'GLU GEGLU_QUICK': geluQuick,
};

/** A node that is read from a table. */
interface TabledNode {
  readonly f: (x: number) => number;
  /** The names of its inputs that it is put in the place of: they are gone when it is there. */
  readonly overwrites: readonly string[];
}

/** The nodes of a graph that are read from a table, by name; it is the same for every number of tokens. */
export type TabledNodes = ReadonlyMap<string, TabledNode>;

/** @param nodes of a graph, in evaluation order @param nodeAt reads what is there */
export function findTabled(
  library: LlamaLibrary,
  nodes: readonly GraphNode[],
  nodeAt: (address: bigint) => GraphNode,
): TabledNodes {
  const found = new Map<string, TabledNode>();
  for (const node of nodes) {
    const f = TABLED[`${node.op} ${kindOf(library, node)}`];
    if (!f) continue;
    const inputs = node.sources.filter(Boolean).map(nodeAt);
    found.set(node.name, { f, overwrites: inputs.filter(({ data }) => data === node.data).map(({ name }) => name) });
  }
  return found;
}

function kindOf(library: LlamaLibrary, { op, parameters }: GraphNode): string | undefined {
  if (op === 'UNARY') return library.ggml_unary_op_name(parameters[0]);
  if (op === 'GLU') return library.ggml_glu_op_name(parameters[0]);
  return undefined;
}

/**
 * Puts what f32 makes of a node's inputs in the place of what llama.cpp read from a table of f16 values: all its CPU builds share
 * that table, so no floor sees how far it is off, and an engine in f32 would be accused for being right.
 */
export class Recomputed {
  private readonly kept = new Map<string, Float32Array>();
  private readonly inputs: ReadonlySet<string>;

  constructor(
    private readonly library: LlamaLibrary,
    private readonly tabled: TabledNodes,
    private readonly nodeAt: (address: bigint) => GraphNode,
  ) {
    this.inputs = new Set([...tabled.values()].flatMap(({ overwrites }) => overwrites));
  }

  /** Whether it is to be shown when it is computed. */
  wants({ name }: GraphNode): boolean {
    return this.tabled.has(name) || this.inputs.has(name);
  }

  /** Takes a node that was computed, before the next one is. */
  see(node: GraphNode): void {
    if (this.inputs.has(node.name)) this.kept.set(node.name, readValues(this.library, node));
    const tabled = this.tabled.get(node.name);
    if (!tabled) return;
    const [x, gate] = this.operands(node);
    const values = Float32Array.from(x, (value, i) => tabled.f(value) * (gate?.[i] ?? 1));
    writeValues(this.library, node, values);
    this.kept.clear();
  }

  /** Takes what a node holds now, of one that was seen and has been overwritten since. */
  overwritten({ name }: GraphNode, values: Float32Array): void {
    if (this.inputs.has(name)) this.kept.set(name, values.slice());
  }

  /** What the function is of, and what it is multiplied with. */
  private operands(node: GraphNode): readonly [Float32Array, Float32Array | undefined] {
    const [x, gate] = node.sources.filter(Boolean).map((address) => {
      const input = this.nodeAt(address);
      return this.kept.get(input.name) ?? readValues(this.library, input);
    });
    if (node.op === 'UNARY' || gate) return [x as Float32Array, gate];
    // Both lie in one row, one half after the other; the second parameter says that they are exchanged.
    const [first, second] = halves(x as Float32Array, node.ne[0]);
    return node.parameters[1] ? [second, first] : [first, second];
  }
}

function halves(values: Float32Array, width: number): readonly [Float32Array, Float32Array] {
  const half = (from: number) =>
    Float32Array.from({ length: values.length / 2 }, (_, i) => {
      const row = Math.floor(i / width);
      return values[row * 2 * width + from + (i % width)] as number;
    });
  return [half(0), half(width)];
}
