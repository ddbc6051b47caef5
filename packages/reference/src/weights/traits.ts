import koffi from 'koffi';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';

/** ggml.h of llama.cpp v0.5.0. */
const TypeTraits = koffi.struct('ggml_type_traits', {
  type_name: 'str',
  blck_size: 'int64',
  blck_size_interleave: 'int64',
  type_size: 'size_t',
  is_quantized: 'bool',
  to_float: 'void *',
  from_float_ref: 'void *',
});

const Convert = koffi.proto('void ggml_convert_row(void *from, void *to, int64_t count)');

type Convert = (from: Uint8Array, to: Uint8Array, count: number) => void;

/** How ggml reads and makes a type: what its type traits say, and their functions. */
export interface Traits {
  readonly name: string;
  /** Of a block. */
  readonly elements: number;
  readonly bytes: number;
  /** Bytes → floats; undefined where ggml has no such function. F32 needs none: it is copied. */
  readonly toFloat: Convert | undefined;
  /** Floats → bytes, the plain way; with all columns alike where ggml wants an importance matrix; undefined as above. */
  readonly fromFloat: Convert | undefined;
}

const F32 = 0;
/**
 * Their search for the nearest point of a grid needs tables that are made first, which `ggml_quantize_chunk` sees to; and whether llama.cpp makes them
 * only with an importance matrix.
 */
const WITH_TABLES: Readonly<Record<string, { readonly wantsImportances: boolean }>> = {
  iq1_s: { wantsImportances: true },
  iq1_m: { wantsImportances: true },
  iq2_xxs: { wantsImportances: true },
  iq2_xs: { wantsImportances: true },
  iq2_s: { wantsImportances: true },
  iq3_xxs: { wantsImportances: true },
  iq3_s: { wantsImportances: false },
};

const copy: Convert = (from, to) => to.set(from);

/** @throws LlamaCppError where ggml has no such type */
export function traitsOf(library: LlamaLibrary, type: number): Traits {
  const address: Pointer | null = library.ggml_get_type_traits(type);
  const read = address && koffi.decode(address, TypeTraits);
  if (!read || Number(read.blck_size) === 0) {
    throw new LlamaCppError('weights-type', `ggml has no tensor type ${type}.`);
  }
  const name: string = read.type_name;
  const bind = (pointer: Pointer | null): Convert | undefined =>
    pointer === null ? undefined : (from, to, count) => koffi.call(pointer, Convert, from, to, count);
  return {
    name,
    elements: Number(read.blck_size),
    bytes: Number(read.type_size),
    toFloat: type === F32 ? copy : bind(read.to_float),
    fromFloat: type === F32 ? copy : (byTables(library, type, name) ?? bind(read.from_float_ref)),
  };
}

/** A row at a time. */
function byTables(library: LlamaLibrary, type: number, name: string): Convert | undefined {
  const how = WITH_TABLES[name];
  if (!how) return undefined;
  return (from, to, count) => {
    const importances = how.wantsImportances ? new Float32Array(count).fill(1) : null;
    library.ggml_quantize_chunk(type, from, to, 0, 1, count, importances);
  };
}

const TYPES = 43; // GGML_TYPE_COUNT

/** What can be done with each type that there is. */
export function weightTypes(library: LlamaLibrary): [number, { reads: boolean; makes: boolean }][] {
  return Array.from({ length: TYPES }, (_, type) => type).flatMap((type) => {
    try {
      const { toFloat, fromFloat } = traitsOf(library, type);
      return [[type, { reads: toFloat !== undefined, makes: toFloat !== undefined && fromFloat !== undefined }]];
    } catch (error) {
      if (error instanceof LlamaCppError) return []; // a number that is no longer one of a type
      throw error;
    }
  });
}
