export { asLlama } from './as-llama.js';
export { Graph, type GraphStage, type Heads, type Op, type RowKind } from './graph.js';
export { decodeGraph, encodeGraph, type GraphDescription, isGraphDescription } from './graph-codec.js';
export { graphOfNodes } from './graph-of-nodes.js';
export { lookUp } from './look-up.js';
export type { MaskKind, NodeInput, NodeOperation } from './node-operation.js';
export { mayBeNorm, normBefore } from './norms.js';
export { presentKeys, presentNames } from './old-names.js';
export { idOf, type Place, placeKey, placeOf, type StageId, stageKey } from './place.js';
export { rangesOf } from './ranges.js';
export {
  isDetail,
  isInVocabulary,
  isOfExperts,
  isStageName,
  llamaGraph,
  type RowWidth,
  rowOfStage,
  STAGE_NAMES,
  STAGES,
  type Stage,
  type StageName,
} from './vocabulary.js';
