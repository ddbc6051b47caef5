import { fileOf } from './files.js';

export interface Entry {
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const floats = (shape: readonly number[], at: (index: number) => number = (i) => i): Entry => ({
  shape,
  bytes: new Uint8Array(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => at(i)).buffer),
});

export const ids = (...tokens: readonly number[]): Entry => ({
  dtype: 'I64',
  shape: [1, tokens.length],
  bytes: new Uint8Array(BigInt64Array.from(tokens, BigInt).buffer),
});

/** The bytes of such a file. @param change of its header, before it is written */
export function safetensors(
  entries: Readonly<Record<string, Entry>>,
  change: (header: Record<string, Record<string, unknown>>) => unknown = (header) => header,
): Buffer {
  const header: Record<string, Record<string, unknown>> = {};
  let at = 0;
  for (const [name, { dtype = 'F32', shape, bytes }] of Object.entries(entries)) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const changed = change(header);
  const text = Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...Object.values(entries).map(({ bytes }) => bytes)]);
}

export const safetensorsFile = (...args: Parameters<typeof safetensors>): string =>
  fileOf(safetensors(...args), '.safetensors');
