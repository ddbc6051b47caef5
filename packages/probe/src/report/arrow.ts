import type { Finding } from './outcome.js';

export function arrow(_findings: readonly Finding[]): Uint8Array {
  return new Uint8Array();
}
