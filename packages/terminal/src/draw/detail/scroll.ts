import type { Detail } from '../../state.js';

/** Lines of a view that are above what scrolls. */
export const HEADINGS = { values: 2, tokens: 1, heads: 1, histogram: 2, worst: 1, softmax: 2 } as const;

/** How far a view may be scrolled: until its last line is at the bottom. @param facts how many lines of facts there are */
export function lastScroll({ tab, news, at }: Detail, height: number, facts: number): number {
  const { detail, row } = news ?? {};
  const beyond = (count: number, headings: number) => Math.max(0, count - (height - headings));
  switch (tab) {
    case 'values': // a cursor moves over them
      return Math.max(0, (row?.reference.length ?? 1) - 1);
    case 'tokens':
    case 'heads':
      return beyond(detail?.tokens.length ?? 0, HEADINGS[tab]);
    case 'histogram':
      return beyond(detail?.histogram.counts.length ?? 0, HEADINGS.histogram);
    case 'worst':
      return beyond(detail?.worst.length ?? 0, HEADINGS.worst);
    case 'row':
      return at.stage === 'kq_soft_max' && row && detail?.heads
        ? beyond(row.reference.length / detail.heads, HEADINGS.softmax)
        : 0;
    case 'facts':
      return beyond(facts, 0);
    case 'overview':
      return 0;
  }
}
