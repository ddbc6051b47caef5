import { ModelError } from './errors.js';
import { type Keys, show } from './keys.js';

/** How positions are turned: what the table of angles is made of (rope.ts). */
export interface RopeConfig {
  readonly ropeFreqBase: number;
  /** 1 / rope.scaling.factor, unless the scaling is none. */
  readonly ropeFreqScale: number;
  /** Where the scale is YaRN's (Peng et al. 2023, arXiv:2309.00071). */
  readonly ropeYarn?: {
    readonly originalContext: number;
    readonly betaFast: number;
    readonly betaSlow: number;
    /** What the cosine and the sine are multiplied by besides YaRN's own 1 + 0.1 · ln(factor). */
    readonly attnFactor: number;
  };
  /** Without YaRN: what the cosine and the sine are multiplied by; 1 without it. */
  readonly ropeMagnitude?: number;
  /** Of a longrope: up to so many positions the short factors hold. */
  readonly ropeOriginalContext?: number;
}

const SCALINGS = ['none', 'linear', 'yarn', 'longrope'];

/** YaRN's own numbers, of an architecture of which llama.cpp reads them. */
export type YarnOf = (
  keys: Keys,
  factor: number,
) => { readonly betaFast: number; readonly betaSlow: number; readonly attnFactor: number };

/**
 * As llama.cpp reads them (src/llama-model.cpp load_hparams). The keys rope.scaling.yarn_… of most architectures are written by its converter
 * and read by nobody: its own rotation of a Llama has beta_fast 32 and beta_slow 1 whatever they say (probe capture, node q_rope).
 */
export function ropeConfig(keys: Keys, contextLength: number, yarnOf?: YarnOf): RopeConfig {
  const { path } = keys.file;
  const scaling = keys.raw('rope.scaling.type') ?? 'linear'; // a factor without a type scales
  if (!SCALINGS.includes(scaling as string)) {
    throw new ModelError(
      'model-architecture',
      `${path}: ${keys.architecture}.rope.scaling.type is ${show(scaling)}; the engine, as llama.cpp, knows ${SCALINGS.join(', ')} and rope_freqs.weight. Convert the model again.`,
    );
  }
  const factor = keys.factor('rope.scaling.factor', keys.raw('rope.scale_linear'));
  const magnitude = keys.positive('rope.scaling.attn_factor', 1);
  const originalContext = keys.count('rope.scaling.original_context_length', contextLength);
  keys.raw('rope.scaling.finetuned'); // llama.cpp reads it, and does nothing with it
  const ropeFreqBase = keys.positive('rope.freq_base', 10000);
  const ropeFreqScale = scaling === 'none' ? 1 : 1 / (factor || 1);
  if (scaling === 'yarn') {
    const yarn = yarnOf?.(keys, 1 / ropeFreqScale);
    const { betaFast = 32, betaSlow = 1, attnFactor = 1 } = yarn ?? {};
    return {
      ropeFreqBase,
      ropeFreqScale,
      ropeYarn: { originalContext, betaFast, betaSlow, attnFactor: attnFactor * magnitude },
    };
  }
  return {
    ropeFreqBase,
    ropeFreqScale,
    ...(magnitude === 1 ? {} : { ropeMagnitude: magnitude }),
    ...(scaling === 'longrope' ? { ropeOriginalContext: originalContext } : {}),
  };
}
