export type { ForeignArray, Source } from './array.js';
export { type Dtype, toFloats } from './dtype.js';
export { readMapping } from './map/read.js';
export { mappingSchema } from './map/schema.js';
export { openRun } from './open.js';
export type { OpenOptions } from './run.js';
export { type Suggested, suggestMap } from './suggest/suggest.js';
export { openWeights } from './weights.js';
export { arraysFormat, type RunWriter, runWriter } from './write/writer.js';
