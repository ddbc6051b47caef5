import { type GgufFile, isPlain, type LlamaConfig, llamaConfig, ModelError } from '@llama-probe/engine';
import type { OracleConfig } from '@llama-probe/oracle';

/** Whether a file is a plain Llama's, whose known bugs can be computed by the vocabulary alone. */
export function isComputedAsUsual(file: GgufFile): boolean {
  if (!isPlain(file)) return false;
  const { ropeMagnitude, ropeOriginalContext, seesAll } = llamaConfig(file);
  return ropeMagnitude === undefined && ropeOriginalContext === undefined && !seesAll;
}

/**
 * The hyperparameters of such a Llama.
 *
 * @throws ModelError where it is another model
 * @example caseModel(file, computedConfig(file))
 */
export function computedConfig(file: GgufFile): LlamaConfig & OracleConfig {
  const config = llamaConfig(file);
  if (isComputedAsUsual(file)) return config;
  throw new ModelError('model-architecture', `${file.path} is no plain Llama.`);
}
