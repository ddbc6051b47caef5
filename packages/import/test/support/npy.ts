/** A `.npy` file. @param descr such as '<f4' */
export function npy(
  shape: readonly number[],
  values: ArrayBufferView = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  {
    descr = '<f4',
    fortran = false,
    version = 1,
    header,
  }: { descr?: string; fortran?: boolean; version?: number; header?: string } = {},
): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text =
    header ?? `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${dims}), }\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(text),
    data,
  ]);
}
