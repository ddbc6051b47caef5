// For this repository's scripts and tests. Nothing here is kept stable.

export { buildProgram } from './cli/program.js';
export { type CommandSpec, describeProgram, type OptionSpec, type ProgramSpec } from './cli/spec.js';
export type { FaultsReport } from './commands/faults.js';
export { withFloors } from './floors.js';
export { configSchema } from './gate/config.js';
export { BUNDLED_MODEL } from './model.js';
export { Progress } from './progress.js';
