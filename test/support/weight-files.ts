import { writeFileSync } from 'node:fs';
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
