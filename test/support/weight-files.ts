import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GgufParts, type LlamaSizes, seeded, tinyLlama, writeGguf } from '@llama-probe/testing';
import { path } from './probe.js';

/** A Llama that is small, and whose shapes tell rows from columns: heads of 8, two query heads to a KV head. */
export const SIZES: LlamaSizes = {
  layers: 2,
  embd: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  ff: 64,
  vocab: 48,
  context: 64,
};

/** Its parts, with fresh random weights. */
export const tiny = (sizes: Partial<LlamaSizes> = {}): GgufParts => tinyLlama({ ...SIZES, ...sizes }, seeded());

/** Writes a GGUF file. */
export function ggufFile(parts: GgufParts, name = 'tiny.gguf'): string {
  const file = path(name);
  writeFileSync(file, writeGguf(parts).bytes);
  return file;
}

/** The values of an F32 tensor, to be changed in place. */
export function valuesOf({ tensors }: GgufParts, name: string): Float32Array {
  const { data } = tensors.find((tensor) => tensor.name === name) as GgufParts['tensors'][number];
  return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

/** An array as NumPy and safetensors have them: the length of a row last. */
export interface Array2 {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Every tensor of a model as such. */
export const arraysOf = (parts: GgufParts): Map<string, Array2> =>
  new Map(
    parts.tensors.map(({ name, shape }) => [
      name,
      { shape: shape.map(Number).reverse(), values: valuesOf(parts, name).slice() },
    ]),
  );

/** Writes a folder with a `.npy` file for each array. */
export function npyFolder(arrays: ReadonlyMap<string, Array2>): string {
  const folder = path('npy');
  mkdirSync(folder);
  for (const [name, { shape, values }] of arrays) {
    const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
    const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${dict.padEnd(117)}\n`, 'latin1');
    head.writeUInt16LE(118, 8);
    writeFileSync(join(folder, `${name}.npy`), Buffer.concat([head, bytesOf(values)]));
  }
  return folder;
}

/** Writes a `.safetensors` file of F32, or BF16 by cutting values off. */
export function safetensorsFile(
  file: string,
  arrays: ReadonlyMap<string, Array2>,
  dtype: 'F32' | 'BF16' = 'F32',
): string {
  let end = 0;
  const header: Record<string, object> = {};
  const data = [...arrays].map(([name, { shape, values }]) => {
    const bytes = dtype === 'F32' ? bytesOf(values) : upperHalves(values);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    return bytes;
  });
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text, ...data]));
  return file;
}

const bytesOf = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

const upperHalves = (values: Float32Array): Buffer =>
  Buffer.from(
    Uint16Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length), (bits) => bits >>> 16).buffer,
  );

/** Rows that row i of the result is taken from. */
export function rowsFrom({ shape, values }: Array2, from: (row: number) => number): Array2 {
  const columns = shape.at(-1) as number;
  const moved = new Float32Array(values.length);
  for (let row = 0; row * columns < values.length; row++) {
    moved.set(values.subarray(from(row) * columns, (from(row) + 1) * columns), row * columns);
  }
  return { shape, values: moved };
}

/** Hugging Face's names of a model's arrays. */
export const HUGGING_FACE = (name: string): string =>
  name
    .replace('token_embd', 'model.embed_tokens')
    .replace('output_norm', 'model.norm')
    .replace(/^output\./, 'lm_head.')
    .replace(/^blk\./, 'model.layers.')
    .replace('attn_norm', 'input_layernorm')
    .replace('ffn_norm', 'post_attention_layernorm')
    .replace('attn_output', 'self_attn.o_proj')
    .replace(/attn_([qkv])\./, 'self_attn.$1_proj.')
    .replace(/ffn_(gate|up|down)\./, 'mlp.$1_proj.');
