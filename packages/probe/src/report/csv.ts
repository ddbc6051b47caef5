import type { Finding } from './outcome.js';

export function csv(_findings: readonly Finding[]): string {
  return '';
}
