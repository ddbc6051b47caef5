export type { Report } from '@llama-probe/comparison';
export type { GateConfig, GateResult } from '@llama-probe/gate';
export { defineConfig } from '@llama-probe/gate';
export { runCli } from './cli.js';
