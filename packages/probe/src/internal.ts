// For this repository's scripts and tests. Nothing here is kept stable.

export { BUNDLED_MODEL, decode, judgedRun, llamaSide } from '@llama-probe/comparison';
export { configSchema } from '@llama-probe/gate';
export { mappingSchema } from '@llama-probe/import';
export { buildProgram } from './cli/program.js';
export { type CommandSpec, describeProgram, type OptionSpec, type ProgramSpec } from './cli/spec.js';
export { runCli } from './cli.js';
export type { BugsReport } from './commands/bugs.js';
export { StderrProgress } from './progress.js';
export { jsonSchemas, SCHEMAS } from './schemas.js';
