export { configSchema, type GateConfig } from './config/config.js';
export { defineConfig } from './config/define.js';
export { type GateOptions, type GateRun, runGate } from './gate.js';
export { runMerge } from './merge.js';
export { checkResultFile, type GateResult, writeResultFile } from './result.js';
export { parseShard, type Shard } from './shard.js';
export { gateText } from './text.js';
