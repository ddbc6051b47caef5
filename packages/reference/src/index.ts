export { cacheDirectory, contentHash } from './cache.js';
export { otherBuild } from './cpu-builds.js';
export {
  CrashError,
  LlamaCppError,
  ModelError,
  PromptError,
  QuantizeError,
  UnsupportedLibraryError,
} from './errors.js';
export { FTYPES } from './ftypes.js';
export { libraryDirectory, libraryFiles } from './locate.js';
export type { ModelInfo, RunResult } from './protocol.js';
export { exactModelBytes, type QuantizeOptions, quantizeModel } from './quantize.js';
export {
  inspectModel,
  openReference,
  type Reference,
  type ReferenceMode,
  type ReferenceOptions,
  type ReferenceRun,
  type RunOptions,
} from './reference.js';
export { availableCores } from './threads.js';
