export { readMapping } from './map/read.js';
export { mappingSchema } from './map/schema.js';
export { openRun } from './open.js';
export type { OpenOptions } from './run.js';
