import koffi from 'koffi';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { GgmlTensor, TENSOR_BYTES } from '../library/structs.js';

/** One node of the compute graph: what its ggml_tensor says. */
export interface GraphNode {
  address: Pointer;
  name: string;
  /** `MUL_MAT`, `ROPE`, … */
  op: string;
  type: number;
  ne: [number, number, number, number]; // elements per dimension, fastest first
  nb: [number, number, number, number]; // bytes per step in each dimension
  sources: [Pointer, Pointer];
  /** The first of `op_params`: for UNARY and GLU which of them it is, for GLU whether its halves are exchanged too. */
  parameters: [number, number];
  /** Where its values lie. */
  data: Pointer;
  /** What it multiplies with or adds, where that may tell what it is: of a norm's weight, and of what has no name or no layer in it. @example 'blk.0.attn_output.weight' */
  weight?: string;
}

/** A node with all that may be asked of it. */
export interface WholeNode extends GraphNode {
  /** All its sources, at their places; 0 where there is none. */
  readonly allSources: readonly Pointer[];
  /** All of `op_params`, as whole numbers and as numbers with a fraction: which of the two, the operation says. */
  readonly ints: Int32Array;
  readonly floats: Float32Array;
}

/** A name that several products of a layer have. */
const SHARED = /^q-\d+$/;

const SOURCES = 10;
const PARAMETERS = 16;

const at = (field: string) => koffi.offsetof(GgmlTensor, field);
const OFFSET = {
  type: at('type'),
  ne: at('ne'),
  nb: at('nb'),
  op: at('op'),
  parameters: at('op_params'),
  src: at('src'),
  data: at('data'),
  name: at('name'),
};

/** Lets a tensor have its values elsewhere: of as many bytes, and as long as it is used. */
export function setData(tensor: Pointer, data: Pointer): void {
  new BigUint64Array(koffi.view(tensor + BigInt(OFFSET.data), 8))[0] = data;
}

/** Exchanges the first of a node's parameters, a number with a fraction, before it is computed. */
export function setParameter(node: Pointer, value: number): void {
  new Float32Array(koffi.view(node + BigInt(OFFSET.parameters), 4))[0] = value;
}

/** A node of layer 0 as that of another layer. */
export function inLayer(node: GraphNode, layer: number): GraphNode {
  const { name, weight } = node;
  return {
    ...node,
    name: name.replace(/-0$/, `-${layer}`),
    ...(weight !== undefined && { weight: weight.replace(/^blk\.0\./, `blk.${layer}.`) }),
  };
}

/** Reads nodes by offset out of one copy of the struct; letting koffi decode all of it takes thirty times as long. */
export class NodeReader {
  private readonly bytes = Buffer.alloc(TENSOR_BYTES);
  private readonly ops = new Map<number, string>();
  /** Which layer a graph's layer 0 is said to be: of a model that is evaluated block by block the graph has one. */
  layer = 0;

  constructor(private readonly library: LlamaLibrary) {}

  read(address: Pointer): GraphNode {
    const { bytes } = this;
    this.library.memcpy(bytes, address, TENSOR_BYTES);
    const node = this.decoded(address);
    const [first, second] = node.sources;
    const weight = node.op === 'MUL_MAT' ? first : node.op === 'ADD' || node.op === 'MUL' ? second : undefined;
    if (weight && (node.op === 'MUL' || !/-\d+$/.test(node.name) || SHARED.test(node.name))) {
      this.library.memcpy(bytes, weight, TENSOR_BYTES);
      node.weight = this.decoded(weight).name;
    }
    return this.layer === 0 ? node : inLayer(node, this.layer);
  }

  /** The same with everything. Takes longer: not for every node of every pass. */
  readWhole(address: Pointer): WholeNode {
    const node = this.read(address);
    const { bytes } = this;
    this.library.memcpy(bytes, address, TENSOR_BYTES);
    const ints = Int32Array.from({ length: PARAMETERS }, (_, i) => bytes.readInt32LE(OFFSET.parameters + 4 * i));
    const allSources = Array.from({ length: SOURCES }, (_, i) => bytes.readBigUInt64LE(OFFSET.src + 8 * i));
    return { ...node, allSources, ints, floats: new Float32Array(ints.buffer) };
  }

  private decoded(address: Pointer): GraphNode {
    const { bytes } = this;
    const end = bytes.indexOf(0, OFFSET.name);
    return {
      address,
      name: bytes.toString('utf8', OFFSET.name, end < 0 ? OFFSET.name + 64 : Math.min(end, OFFSET.name + 64)),
      op: this.opName(bytes.readInt32LE(OFFSET.op)),
      type: bytes.readInt32LE(OFFSET.type),
      ne: this.four(OFFSET.ne),
      nb: this.four(OFFSET.nb),
      sources: [bytes.readBigUInt64LE(OFFSET.src), bytes.readBigUInt64LE(OFFSET.src + 8)],
      parameters: [bytes.readInt32LE(OFFSET.parameters), bytes.readInt32LE(OFFSET.parameters + 4)],
      data: bytes.readBigUInt64LE(OFFSET.data),
    };
  }

  private four(offset: number): [number, number, number, number] {
    const at = (i: number) => Number(this.bytes.readBigInt64LE(offset + 8 * i));
    return [at(0), at(1), at(2), at(3)];
  }

  private opName(op: number): string {
    let name = this.ops.get(op);
    if (name === undefined) {
      name = this.library.ggml_op_name(op) as string;
      this.ops.set(op, name);
    }
    return name;
  }
}
