import type { GateConfig } from './config.js';

/**
 * Types the configuration of `probe gate`; returns it as it is.
 *
 * @example export default defineConfig({ runs: [{ quantize: ['Q8_0', 'Q4_K'], prompts: ['Hello'] }] });
 */
export const defineConfig = (config: GateConfig): GateConfig => config;
