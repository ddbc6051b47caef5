import type { Finding } from './outcome.js';

export function markdown(_findings: readonly Finding[]): string {
  return '';
}
