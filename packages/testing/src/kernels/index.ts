export type { Kernel, Shape, Values } from './kernel-case.js';
export { readsTexture, VALUES } from './kernel-case.js';
export { FOLDED, KERNELS } from './kernel-cases.js';
export { configOf, type Outcome, runKernel } from './kernel-run.js';
export {
  anyBlocks,
  blockCase,
  type Case,
  PRODUCT_TOLERANCE,
  randomWeights,
  runCase,
  uploadWeight,
} from './mul-mat-case.js';
