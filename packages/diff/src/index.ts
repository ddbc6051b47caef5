export type { Heads, StageId } from '@llama-probe/dump/stage';
export { align, type Pair } from './align.js';
export { type CompareOptions, compare, NOTHING_ALONE, tokenDifference } from './compare.js';
export {
  type Between,
  type Cause,
  type Comparison,
  comparedIn,
  type Fault,
  type First,
  type StageResult,
  type Verdict,
} from './comparison.js';
export {
  Details,
  type DetailsOptions,
  type Histogram,
  type StageDetail,
  type StageValues,
  type ValuePair,
} from './details.js';
export { type Explained, explain } from './faults.js';
export { type Floor, type Floors, type LimitRule, limitOf, measureFloors, ROW_FACTOR, VALUE_FACTOR } from './floors.js';
export { type AboutModel, GraphSoFar, graphIn, graphOf, layerCount } from './graph.js';
export { type Descent, inheritance } from './inheritance.js';
export {
  type Broken,
  type Checked,
  type CheckName,
  checkAttentionFirst,
  checksOf,
  compareCaches,
  type FirstRows,
  type Hyperparameters,
  Invariants,
  type InvariantsOptions,
  type LeftOut,
} from './invariants.js';
export { judge } from './judge.js';
export { expertsInOrder } from './layouts/experts.js';
export { halfSplit } from './layouts/half-split.js';
export { headsAsWritten } from './layouts/heads.js';
export type { Layout } from './layouts/layout.js';
export { positionsFromOne } from './layouts/positions.js';
export { scaledScores } from './layouts/scaled-scores.js';
export { type Kind, locate, type RowPair, type Where } from './locate.js';
export {
  compareLogits,
  type GreedyChoice,
  highest,
  klDivergence,
  type LogitsSummary,
  type TopLogit,
} from './logits.js';
export { MetricSums, type Metrics } from './metrics.js';
export { type Observation, Observer, observe, type SideObservations } from './observations.js';
export { PrecisionSeen } from './precision.js';
export { largest, RunFloors } from './run-floors.js';
export { firstPositions } from './scores.js';
export { type AboutTokens, diagnoseTokens, type TokenDiagnosis } from './tokens.js';
export { type Unseen, unseen } from './unseen.js';
export { describe, fromToken, short, showLimit, shownNames } from './words.js';
