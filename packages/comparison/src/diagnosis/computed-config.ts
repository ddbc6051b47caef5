import { type GgufFile, type LlamaConfig, llamaConfig } from '@llama-probe/engine';
import type { OracleConfig } from '@llama-probe/oracle';

/**
 * The hyperparameters of a model whose known bugs can be computed: what the engine computes, and YaRN besides, of which the oracle knows the
 * rotation. The rest of such a model is any Llama's, and read as that.
 *
 * @throws ModelError where it is another model
 * @example caseModel(file, computedConfig(file))
 */
export function computedConfig(file: GgufFile): LlamaConfig & OracleConfig {
  const { metadata } = file;
  const scaling = `${String(metadata['general.architecture'])}.rope.scaling`;
  if (metadata[`${scaling}.type`] !== 'yarn') return llamaConfig(file);
  const plain = { ...metadata, [`${scaling}.type`]: 'linear', [`${scaling}.attn_factor`]: 1 };
  const config = llamaConfig({ ...file, metadata: plain });
  const number = (key: string, otherwise: number): number => {
    const value = metadata[`${scaling}.${key}`];
    return typeof value === 'number' ? value : otherwise;
  };
  const ropeYarn = {
    originalContext: number('original_context_length', config.contextLength),
    betaFast: number('yarn_beta_fast', 32),
    betaSlow: number('yarn_beta_slow', 1),
    attnFactor: number('yarn_attn_factor', 1) * number('attn_factor', 1),
  };
  return { ...config, ropeYarn };
}
