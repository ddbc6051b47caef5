import { createHash } from 'node:crypto';

const MARK = 'llama-probe-sha256:';
const DIGITS = 64;

/** Keeps the checksum's place. */
export const UNSEALED = MARK + '0'.repeat(DIGITS);

/** Puts the checksum of a file into it: SHA-256 of its bytes, with zeros where the checksum itself is. */
export function seal(bytes: Uint8Array): Uint8Array {
  const sealed = Buffer.from(bytes);
  const sum = checksum(sealed);
  for (const at of places(sealed)) sealed.write(sum, at, 'latin1');
  return sealed;
}

/** Whether a file is as it was sealed; undefined if it has no checksum. */
export function isSealed(bytes: Buffer): boolean | undefined {
  const at = places(bytes);
  if (at.length === 0) return undefined;
  const sum = checksum(bytes);
  return at.every((from) => bytes.toString('latin1', from, from + DIGITS) === sum);
}

function checksum(bytes: Buffer): string {
  const copy = Buffer.from(bytes);
  for (const at of places(copy)) copy.fill('0', at, at + DIGITS);
  return createHash('sha256').update(copy).digest('hex');
}

/** Offsets of the checksum's digits: Arrow writes the schema at the beginning of a file, and again at its end. */
function places(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    if (at + MARK.length + DIGITS <= bytes.length) found.push(at + MARK.length);
  }
  return found;
}
