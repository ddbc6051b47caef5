import type { Architecture } from './architecture.js';
import { gemma2 } from './gemma2.js';
import { gemma3 } from './gemma3.js';
import { gptOss } from './gpt-oss.js';
import { granite } from './granite.js';
import { llama } from './llama.js';
import { mistral3 } from './mistral3.js';
import { olmo2 } from './olmo2.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen3 } from './qwen3.js';
import { qwen3moe } from './qwen3moe.js';
import { smollm3 } from './smollm3.js';

/** The architectures that the engine computes, by llama.cpp's names (`general.architecture`). */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama,
  qwen2,
  qwen3,
  olmo2,
  granite,
  gemma2,
  gemma3,
  phi3,
  smollm3,
  mistral3,
  qwen3moe,
  'gpt-oss': gptOss,
};

export const NAMES: readonly string[] = Object.keys(ARCHITECTURES);

/** @returns undefined for one that the engine does not compute @example architectureOf('qwen2') */
export const architectureOf = (name: unknown): Architecture | undefined =>
  Object.hasOwn(ARCHITECTURES, String(name)) ? ARCHITECTURES[String(name)] : undefined;
