import type { Architecture } from './architecture.js';
import { denseLlama } from './llama.js';

/** Qwen 2: a Llama with biases on Q, K and V, which turns the halves of a head (Yang et al. 2024, arXiv:2407.10671). */
export const qwen2: Architecture = { ...denseLlama, ropePairs: 'halves' };
