import { type GgufFile, isPlain, type LlamaConfig, llamaConfig, ModelError } from '@llama-probe/engine';
import type { OracleConfig } from '@llama-probe/oracle';

/**
 * The hyperparameters of a plain Llama, whose known bugs can be computed by the vocabulary alone.
 *
 * @throws ModelError where it is another model
 * @example caseModel(file, computedConfig(file))
 */
export function computedConfig(file: GgufFile): LlamaConfig & OracleConfig {
  const config = llamaConfig(file);
  const isTurnedAsUsual = config.ropeMagnitude === undefined && config.ropeOriginalContext === undefined;
  if (isPlain(file) && isTurnedAsUsual && !config.seesAll) return config;
  throw new ModelError('model-architecture', `${file.path} is no plain Llama.`);
}
