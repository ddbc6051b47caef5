import type { Finding } from '@llama-probe/comparison/ask';
import { emptyPageBytes, page } from '@llama-probe/page';
import { pageData } from './data.js';

/** So that it can be attached to a mail or an issue. */
export const MOST_BYTES = 2_000_000 * 0.98;

/** The findings as one page that needs nothing else. */
export function html(findings: readonly Finding[]): string {
  return page(pageData(findings, MOST_BYTES - emptyPageBytes()));
}
