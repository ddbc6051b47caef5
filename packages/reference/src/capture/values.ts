import type { LlamaLibrary } from '../library/library.js';
import type { GraphNode } from './node.js';

/** ggml type number → bytes of an element and how to read one; types that are no plain numbers are missing. */
const ELEMENTS: Record<number, { bytes: number; read: (view: DataView, offset: number) => number }> = {
  0: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  1: { bytes: 2, read: (view, offset) => halfToFloat(view.getUint16(offset, true)) },
  24: { bytes: 1, read: (view, offset) => view.getInt8(offset) },
  25: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
  26: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  30: { bytes: 2, read: (view, offset) => bfloatToFloat(view.getUint16(offset, true)) },
};
const F32 = 0;
const I32 = 26;

export const isReadable = (node: GraphNode): boolean => node.type in ELEMENTS;

/** The elements of a node as float32 in ggml's order (first dimension fastest), whatever its type and strides. */
export function readValues(library: LlamaLibrary, node: GraphNode): Float32Array {
  const { ne, nb } = node;
  const values = new Float32Array(ne[0] * ne[1] * ne[2] * ne[3]);
  if (node.type === F32 && isContiguous(node, 4)) {
    library.ggml_backend_tensor_get(node.address, values, 0, values.byteLength);
    return values;
  }
  const element = ELEMENTS[node.type];
  if (!element) throw new Error(`${node.name} has ggml type ${node.type}`);
  const span = element.bytes + ne.reduce((sum, count, i) => sum + (count - 1) * (nb[i] as number), 0);
  const raw = new Uint8Array(span);
  library.ggml_backend_tensor_get(node.address, raw, 0, span);
  const view = new DataView(raw.buffer);
  let to = 0;
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        const row = i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
        for (let i0 = 0; i0 < ne[0]; i0++) values[to++] = element.read(view, row + i0 * nb[0]);
      }
    }
  }
  return values;
}

/** Other types would round what is put into them. */
export const isWritable = (node: GraphNode): boolean => node.type === F32 || node.type === I32;

/**
 * How many places an id may name, of a node of ids: those of a row of what was sorted, which the rows of a part of it lie apart by. undefined for
 * any other node.
 */
export const placesOf = ({ type, nb }: GraphNode): number | undefined => (type === I32 ? nb[1] / nb[0] : undefined);

export const isFloat = (node: GraphNode): boolean => node.type === F32;

/** Writes all elements of a node, in ggml's order, whatever its strides. */
export function writeValues(library: LlamaLibrary, node: GraphNode, values: Float32Array): void {
  const { ne, nb } = node;
  if (node.type === F32 && isContiguous(node, 4)) {
    library.ggml_backend_tensor_set(node.address, values, 0, values.byteLength);
    return;
  }
  const span = 4 + ne.reduce((sum, count, i) => sum + (count - 1) * (nb[i] as number), 0);
  const raw = new Uint8Array(span); // with what lies between the elements
  library.ggml_backend_tensor_get(node.address, raw, 0, span);
  const view = new DataView(raw.buffer);
  let from = 0;
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        const row = i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
        for (let i0 = 0; i0 < ne[0]; i0++) {
          const value = values[from++] as number;
          if (node.type === I32) view.setInt32(row + i0 * nb[0], value, true);
          else view.setFloat32(row + i0 * nb[0], value, true);
        }
      }
    }
  }
  library.ggml_backend_tensor_set(node.address, raw, 0, span);
}

function isContiguous({ ne, nb }: GraphNode, bytes: number): boolean {
  let step = bytes;
  for (let i = 0; i < 4; i++) {
    if ((ne[i] as number) > 1 && nb[i] !== step) return false;
    step *= ne[i] as number;
  }
  return true;
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

function bfloatToFloat(half: number): number {
  bits[0] = half << 16;
  return float[0] as number;
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
