import type { Dtype } from './dtype.js';
import type { Room } from './file.js';

/** An array in a file of somebody else's, not yet read. */
export interface ForeignArray {
  /** As the file has it. @example 'model.layers.0.self_attn.q_proj' */
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  /** Its values' bytes: little-endian, in C order, and as many as its shape says. @param room for them, where they are not kept */
  read(room?: Room): Promise<Uint8Array<ArrayBuffer>>;
  /** Where these bytes lie in a file just as they are, if they do: for what is too large to be read at once. */
  readonly at?: { readonly path: string; readonly offset: number };
}

/** A file or a folder that has arrays. */
export interface Source {
  /** @example 'safetensors' */
  readonly format: string;
  readonly path: string;
  readonly bytes: number;
  readonly arrays: readonly ForeignArray[];
  /** It has one array, which is called after the file, for want of a name. */
  readonly isUnnamed?: boolean;
  /** What it says of its run besides. */
  readonly producer?: string | undefined;
  readonly tokens?: readonly number[] | undefined;
  /** What reading it had to do. */
  readonly notes?: readonly string[];
  close(): Promise<void>;
}

/** How many values a shape has. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** @example showShape([1, 7, 256]) === '[1, 7, 256]' */
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
