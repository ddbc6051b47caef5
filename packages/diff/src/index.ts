export { align, type Pair } from './align.js';
export { type CompareOptions, compare, describe, judge, ROW_FACTOR, showLimit, tokenDifference } from './compare.js';
export type { Comparison, First, StageResult, Verdict } from './comparison.js';
export { compareLogits, highest, klDivergence, type LogitsSummary, type TopLogit } from './logits.js';
export { MetricSums, type Metrics } from './metrics.js';
