export type { ComparisonDocument, Failure, Outcome, Report } from '@llama-probe/comparison';
export type { GateConfig, GateResult } from '@llama-probe/gate';
export { defineConfig } from '@llama-probe/gate';
export type { Reporter, ReportFunction } from '@llama-probe/report';
export { runCli } from './cli.js';
