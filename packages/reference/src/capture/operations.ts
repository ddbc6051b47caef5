import type { NodeInput, NodeOperation } from '@llama-probe/dump';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { Look } from './look.js';
import { MaskRows, type Seen, seenBy } from './mask.js';
import { NodeReader, type WholeNode } from './node.js';
import { parametersOf, partOf, viewBegins } from './parameters.js';
import { readValues } from './values.js';

/** Nodes whose values are another's in another shape or order, if they have all of them. */
const SHOWS = new Set(['RESHAPE', 'VIEW', 'PERMUTE', 'TRANSPOSE', 'CONT', 'CPY', 'DUP']);

/**
 * A look at a graph that keeps what each node computes from what, and which positions its masks hide.
 *
 * Nothing is wanted of it, so llama.cpp asks about all nodes before it computes the first; inputs such as masks are there by then.
 */
export class OperationsLook {
  private readonly reader: NodeReader;
  private readonly look: Look;
  private readonly nodes: WholeNode[] = [];
  private readonly masks: MaskRows[] = []; // by the order of the softmaxes that have one
  private readonly read = new Map<Pointer, Seen>(); // of this pass, by the mask, which layers share
  private described: NodeOperation[] | undefined;
  private at = { first: 0, tokens: 0, softMax: 0 };

  constructor(private readonly library: LlamaLibrary) {
    this.reader = new NodeReader(library);
    this.look = new Look(library);
  }

  /** Announces one evaluation: `tokens` positions from `first` on. */
  begin(first: number, tokens: number): void {
    this.at = { first, tokens, softMax: 0 };
    this.read.clear();
  }

  /** What llama.cpp calls for each node. */
  evaluate(address: Pointer, ask: boolean): boolean {
    if (ask) {
      const node = this.reader.readWhole(address);
      this.readMask(node);
      if (!this.described) {
        this.look.evaluate(address, ask);
        this.nodes.push(node);
      }
    }
    return !ask;
  }

  /** After the first evaluation, while its tensors are still there. */
  end(): void {
    this.described ??= this.describe();
  }

  /** The nodes of the first evaluation, with the masks of all. */
  operations(): NodeOperation[] {
    let softMax = 0;
    return (this.described ?? []).map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => ('mask' in input ? { mask: this.masks[softMax++]?.kind ?? 'other' } : input)),
    }));
  }

  private readMask(node: WholeNode): void {
    const address = node.op === 'SOFT_MAX' && node.allSources[1];
    if (!address) return;
    const { first, tokens } = this.at;
    let seen = this.read.get(address);
    if (!seen) {
      const mask = this.reader.read(address);
      const hasDistances = parametersOf(node).max_bias !== 0;
      seen = seenBy(readValues(this.library, mask), mask.ne[0], first, tokens, hasDistances);
      this.read.set(address, seen);
    }
    const rows = this.masks[this.at.softMax++] ?? new MaskRows();
    this.masks[this.at.softMax - 1] = rows;
    rows.add(seen, first);
  }

  private describe(): NodeOperation[] {
    const known = this.look.known(this.at.tokens);
    const all = new Map(this.nodes.map((node, index) => [node.address, { node, index }]));
    /** The node that a tensor shows, or the tensor itself where it is none of the graph's. */
    const behind = (address: Pointer): WholeNode => {
      const node = all.get(address)?.node ?? this.reader.readWhole(address);
      const [source] = node.allSources;
      if (!source) return node;
      const isStage = known.placeOf(all.get(address)?.index ?? -1) !== null;
      if (SHOWS.has(node.op) && !isStage && sizeOf(node) === sizeOf(this.reader.read(source))) return behind(source);
      if (isOfAllRows(node, this.reader)) return behind(source);
      return node;
    };
    /** A view of a cache, whole or in part, leads to the cache. */
    const root = (address: Pointer): Pointer => {
      const node = all.get(address)?.node ?? this.reader.readWhole(address);
      const [source] = node.allSources;
      return source && SHOWS.has(node.op) ? root(source) : address;
    };
    /** How many values of the cache lie before a view of it. */
    const offsetOf = (address: Pointer): number => {
      const node = all.get(address)?.node ?? this.reader.readWhole(address);
      const [source] = node.allSources;
      if (!source || !SHOWS.has(node.op)) return 0;
      return offsetOf(source) + (node.op === 'VIEW' ? viewBegins(node) : 0);
    };
    const caches = new Map<Pointer, Pointer>(); // to the rows that fill them
    for (const { op, allSources } of this.nodes) {
      const [rows, , into] = allSources;
      if (op === 'SET_ROWS' && rows && into) caches.set(root(into), rows);
    }
    const inputOf = (address: Pointer): NodeInput => {
      const shown = this.reader.read(address);
      const rows = caches.get(root(address));
      const filler = rows !== undefined && all.get(behind(rows).address)?.index;
      if (typeof filler === 'number') {
        const offset = offsetOf(address);
        return { cached: filler, shape: shown.ne, ...(offset > 0 ? { offset } : {}) };
      }
      const source = behind(address);
      const index = all.get(source.address)?.index;
      if (index !== undefined) return { node: index };
      if (/\.(weight|bias)$/.test(source.name)) return { weight: source.name, shape: shown.ne };
      return { other: source.name };
    };
    return this.nodes.map((node, index) => {
      const { name, ne } = node;
      const inputs = node.allSources.flatMap((source, i): NodeInput[] => {
        if (!source) return [];
        return node.op === 'SOFT_MAX' && i === 1 ? [{ mask: 'other' }] : [inputOf(source)];
      });
      return {
        name,
        place: known.placeOf(index),
        op: this.kindOf(node),
        shape: ne,
        parameters: this.parametersOf(node),
        inputs,
      };
    });
  }

  private parametersOf(node: WholeNode): Record<string, number> {
    const [source] = node.allSources;
    return node.op === 'VIEW' && source ? partOf(node, this.reader.read(source), this.at.tokens) : parametersOf(node);
  }

  private kindOf({ op, parameters: [kind] }: WholeNode): string {
    if (op === 'UNARY') return this.library.ggml_unary_op_name(kind);
    return op === 'GLU' ? this.library.ggml_glu_op_name(kind) : op;
  }
}

const sizeOf = ({ ne }: Pick<WholeNode, 'ne'>): number => ne.reduce((product, count) => product * count, 1);

/** Before the last norm llama.cpp picks the rows whose logits are asked for: all of them, here. */
function isOfAllRows(node: WholeNode, reader: NodeReader): boolean {
  const [source, ids] = node.allSources;
  if (node.op !== 'GET_ROWS' || !source || !ids || !reader.read(ids).name.endsWith('out_ids')) return false;
  return sizeOf(node) === sizeOf(reader.read(source));
}
