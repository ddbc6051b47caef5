import { createHash } from 'node:crypto';
import type { Tensor } from './tensor.js';

/** The rows of a tensor without their values: what it takes to tell whether two are the same to the bit. */
export interface RowDigests extends Pick<Tensor, 'step' | 'order' | 'layer' | 'stage' | 'positions' | 'width'> {
  /** (rows) in hexadecimal. */
  readonly digests: readonly string[];
}

/** What a digest is, in the metadata of a file of them. */
export interface DigestDescription {
  readonly hash: 'sha256';
  /** How many of the hash's bytes are kept, the first ones. */
  readonly bytes: 16;
  /** How many heads a row of `kq` was taken to have. Without it, what a mask hides of it is in the hash. */
  readonly heads?: number;
}

export const DIGEST_BYTES = 16;

export const describeDigest = (heads: number | undefined): DigestDescription => ({
  hash: 'sha256',
  bytes: DIGEST_BYTES,
  ...(heads === undefined ? {} : { heads }),
});

const NAN = 0x7fc00000;

/**
 * SHA-256 of a row's values as little-endian float32, the first 16 bytes. -0 is another value than 0. Every NaN counts as 7fc00000: which of its other
 * bits are set is the processor's choice.
 *
 * @param row (width)
 * @returns in hexadecimal
 * @example rowDigest(Float32Array.of(1, -0, Number.NaN)) // 'edfa3a89082bcce9a7725a436754d577'
 */
export function rowDigest(row: Float32Array): string {
  const { buffer, byteOffset, byteLength } = row.includes(Number.NaN) ? withOneNaN(row) : row;
  const hash = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 2 * DIGEST_BYTES);
}

function withOneNaN(row: Float32Array): Float32Array {
  const out = row.slice();
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < out.length; i++) if (Number.isNaN(out[i])) bits[i] = NAN;
  return out;
}

/**
 * The digests of a tensor's rows.
 *
 * @param heads of the scores (`kq`), of which those of later positions are nobody's: a mask hides them, and they are not hashed
 */
export function digestOf(tensor: Tensor, heads: number | undefined): RowDigests {
  const { step, order, layer, stage, positions, width, values } = tensor;
  const digests = Array.from(positions, (position, row) => {
    const bits = values.subarray(row * width, (row + 1) * width);
    return rowDigest(stage === 'kq' && heads ? withoutLater(bits, width / heads, position) : bits);
  });
  return { step, order, layer, stage, positions, width, digests };
}

/** The scores of a row, (heads, n_kv), of no later position than its own. */
function withoutLater(row: Float32Array, nKv: number, position: number): Float32Array {
  return Number.isInteger(nKv) ? row.filter((_, i) => i % nKv <= position) : row;
}
