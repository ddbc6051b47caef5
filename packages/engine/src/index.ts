export { type AdapterInfo, type AdapterKind, listAdapters, openAdapter } from './adapter/index.js';
export { isComputed, type LlamaConfig, llamaConfig } from './config.js';
export { Engine, type EngineOptions, type EngineRun, openEngine, type RunOptions } from './engine.js';
export { ModelError, type ModelErrorCode, RunError, type RunErrorCode } from './errors.js';
export { findTensor } from './fused.js';
export { type GgufFile, openGguf, type TensorInfo } from './gguf.js';
export type { Hook, Later, LayerAt, RecordedSoFar, StageAt } from './hook.js';
export { WEIGHT_TYPES, type WeightType } from './mul-mat.js';
