import type { ReferenceMode } from '@llama-probe/reference';

/**
 * What a stage's relative RMS delta may be at most, by reference mode. Constants until the floor is measured in each run.
 *
 * `exact`: two CPU builds of llama.cpp on F32 weights differ by 8e-7 at the logits, and an engine in f32 is held to ten times that.
 * `native`: llama.cpp's CPU kernels quantise activations too, and so differ from the same weights in f32; docs/limits.md has what was measured.
 */
export const LIMITS: Readonly<Record<ReferenceMode, number>> = { exact: 1e-5, native: 0.15 };
