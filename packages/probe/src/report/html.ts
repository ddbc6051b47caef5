import type { Finding } from './outcome.js';

export function html(_findings: readonly Finding[]): string {
  return '';
}
