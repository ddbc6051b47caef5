export { openRun } from './open.js';
export type { OpenOptions } from './run.js';
