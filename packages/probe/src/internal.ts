// For this repository's scripts and tests. Nothing here is kept stable.

export type { FaultsReport } from './commands/faults.js';
export { withFloors } from './floors.js';
export { BUNDLED_MODEL } from './model.js';
export { Progress } from './progress.js';
