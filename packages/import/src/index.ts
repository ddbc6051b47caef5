export { mappingSchema } from './map/schema.js';
export { openRun } from './open.js';
export type { OpenOptions } from './run.js';
export { arraysFormat, type RunWriter, runWriter } from './write/writer.js';
