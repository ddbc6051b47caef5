import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Architecture } from './architecture.js';
import { expertsConfig, expertsUsed } from './experts.js';
import { qwen3 } from './qwen3.js';

/** Qwen 3 with experts (Yang et al. 2025, arXiv:2505.09388). */
export const qwen3moe: Architecture = { ...qwen3, experts: true, hyperparameters };

function hyperparameters(keys: Keys, { blockCount, feedForwardLength }: LlamaConfig): Partial<LlamaConfig> {
  const ofOne =
    keys.factor('expert_feed_forward_length') || Math.floor(feedForwardLength / expertsUsed(keys, blockCount));
  return { headNorms: 'head', experts: expertsConfig(keys, blockCount, ofOne) };
}
