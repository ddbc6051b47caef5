export { type CheckWeightsOptions, checkWeights } from './check-weights.js';
export type { TensorReport, WeightsReport } from './report.js';
export type { Statistics } from './statistics.js';
export { weightsText } from './text.js';
