export { type Blockwise, blockwise } from './blocks/blockwise.js';
export { chooseExactBy, type ExactBy, type ExactWay } from './blocks/choose.js';
export type { RoundTo } from './capture/rounding.js';
export {
  CrashError,
  LlamaCppError,
  ModelError,
  PromptError,
  QuantizeError,
  UnsupportedLibraryError,
} from './errors.js';
export { importancesOfText } from './importances-of-text.js';
export { otherBuild, plainestBuild } from './library/cpu-builds.js';
export { libraryDirectory, libraryFiles } from './library/locate.js';
export { contentHash } from './model/cache.js';
export {
  bytesText,
  type CachedModel,
  cacheDirectory,
  cachedModels,
  cacheLimit,
  clearCache,
} from './model/cache-room.js';
export { type ModelFiles, modelFiles } from './model/files.js';
export { FTYPES } from './model/ftypes.js';
export { exactModelBytes, type QuantizeOptions, quantizeModel } from './model/quantize.js';
export type { ModelInfo, Piece, RunResult, VocabularyInfo, WeightRows } from './process/protocol.js';
export { availableCores } from './process/threads.js';
export {
  inspectModel,
  openReference,
  type Reference,
  type ReferenceMode,
  type ReferenceOptions,
  type ReferenceRun,
  type RunOptions,
} from './reference.js';
export { openVocabulary, type Vocabulary } from './vocabulary.js';
export { type GgmlWeights, openGgmlWeights } from './weights/open-weights.js';
