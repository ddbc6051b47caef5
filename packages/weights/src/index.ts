export { type CompareWeightsOptions, compareWeights } from './against/compare-weights.js';
export type { PairReport, WeightsComparison } from './against/report.js';
export { comparisonText } from './against/text.js';
export { type CheckWeightsOptions, checkWeights } from './check-weights.js';
export type { TensorReport, WeightsReport } from './report.js';
export type { Statistics } from './statistics.js';
export { weightsText } from './text.js';
