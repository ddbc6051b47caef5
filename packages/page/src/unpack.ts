import type { Floats, Levels } from './data.js';
import { deltaAt } from './levels.js';

/** What `pack` has packed; in the browser and in Node. */
export function floatsOf(packed: Floats): Float32Array {
  const bytes = bytesOf(packed);
  return new Float32Array(bytes.buffer, 0, bytes.length >> 2);
}

/** What `packLevels` has packed, as deltas. */
export const deltasOf = (packed: Levels): number[] => Array.from(bytesOf(packed), deltaAt);

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
