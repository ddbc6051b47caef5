export { Graph, type GraphStage, type Heads, type Op, type RowKind } from './graph.js';
export { graphOfNodes } from './graph-of-nodes.js';
export type { MaskKind, NodeInput, NodeOperation } from './node-operation.js';
export { idOf, type Place, placeKey, placeOf, type StageId, stageKey } from './place.js';
export {
  isInVocabulary,
  isOfExperts,
  llamaGraph,
  type RowWidth,
  STAGE_NAMES,
  STAGES,
  type Stage,
  type StageName,
} from './vocabulary.js';
