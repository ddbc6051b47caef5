export type { CaseModel, CaseWeight, StageCase } from './case.js';
export { CATALOGUE } from './catalogue.js';
export { weightAt } from './compute/weight.js';
export { canCompute, computeStage } from './compute.js';
export type { CatalogueEntry, Search, Variant } from './entry.js';
export { merge, type Variation } from './variation.js';
