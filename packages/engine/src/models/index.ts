import type { Architecture } from './architecture.js';
import { llama } from './llama.js';
import { qwen2 } from './qwen2.js';

/** The architectures that the engine computes, by llama.cpp's names (`general.architecture`). */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = { llama, qwen2 };

export const NAMES: readonly string[] = Object.keys(ARCHITECTURES);

/** @returns undefined for one that the engine does not compute @example architectureOf('qwen2') */
export const architectureOf = (name: unknown): Architecture | undefined =>
  Object.hasOwn(ARCHITECTURES, String(name)) ? ARCHITECTURES[String(name)] : undefined;
