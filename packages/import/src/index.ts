export { readMapping } from './map/read.js';
export { mappingSchema } from './map/schema.js';
export { openRun } from './open.js';
export type { OpenOptions } from './run.js';
export { type Suggested, suggestMap } from './suggest/suggest.js';
export { arraysFormat, type RunWriter, runWriter } from './write/writer.js';
