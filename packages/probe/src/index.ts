export { runCli } from './cli.js';
export type { GateConfig } from './gate/config.js';
export { defineConfig } from './gate/define-config.js';
export type { GateResult } from './gate/result.js';
export type { Report } from './report/report.js';
