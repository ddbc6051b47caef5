import { BLOCK, type Product, unpacked } from './product.js';

// An ONNX file is a protocol buffer (onnx.proto3 of ONNX 1.16). Here is as much of both as one node takes.

type Field = readonly [number: number, value: number | string | Uint8Array | Message];
type Message = readonly Field[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 128);
  }
}

function encode(message: Message): Buffer {
  return Buffer.concat(
    message.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)]);
      const bytes =
        typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : encode(value as Message);
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

const FLOAT = 1;
const UINT8 = 2;
const INT = 2; // of an attribute

const tensor = (name: string, type: number, dims: readonly number[], data: Uint8Array): Message => [
  ...dims.map((dim): Field => [1, dim]),
  [2, type],
  [8, name],
  [9, data],
];
const value = (name: string, dims: readonly number[]): Message => [
  [1, name],
  [
    2,
    [
      [
        1,
        [
          [1, FLOAT],
          [2, dims.map((dim): Field => [1, [[1, dim]]])],
        ],
      ],
    ],
  ],
];
const integer = (name: string, of: number): Message => [
  [1, name],
  [3, of],
  [20, INT],
];

/** `y = x · Wᵀ` as a model of one node, com.microsoft's MatMulNBits: 4 bits a weight, 8 of which are zero, a scale for each 32. */
export function matMulNBits(product: Product): Uint8Array {
  const { rows, columns, tokens } = product;
  const { scales, nibbles } = unpacked(product);
  const bytes = new Uint8Array(scales.buffer);
  const attributes = { K: columns, N: rows, bits: 4, block_size: BLOCK };
  const node: Message = [
    [1, 'x'],
    [1, 'w'],
    [1, 'scales'],
    [2, 'y'],
    [4, 'MatMulNBits'],
    ...Object.entries(attributes).map(([name, of]): Field => [5, integer(name, of)]),
    [7, 'com.microsoft'],
  ];
  const graph: Message = [
    [1, node],
    [2, 'product'],
    [5, tensor('w', UINT8, [rows, columns / BLOCK, BLOCK / 2], nibbles)],
    [5, tensor('scales', FLOAT, [(rows * columns) / BLOCK], bytes)],
    [11, value('x', [tokens, columns])],
    [12, value('y', [tokens, rows])],
  ];
  return encode([
    [1, 8],
    [7, graph],
    [
      8,
      [
        [1, ''],
        [2, 17],
      ],
    ],
    [
      8,
      [
        [1, 'com.microsoft'],
        [2, 1],
      ],
    ],
  ]);
}
