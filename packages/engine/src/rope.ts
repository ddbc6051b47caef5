import type { LlamaConfig } from './config.js';

/**
 * The angles of every position as cosine and sine: (positions, headDim / 2, 2).
 *
 * θ(position, pair) = position · base^(−2·pair / headDim) · scale / factor(pair). Angles are built by the recurrence
 * that ggml uses, θ ← θ · base^(−2 / headDim), rounded to f32 at each step: computed in f64 they would differ from
 * llama.cpp's by 3·10⁻⁸ · position · pair, which is more than exact mode forgives after a few hundred positions.
 * The cosine and the sine themselves are f64: SwiftShader's are off by 2·10⁻⁴.
 *
 * @param factors the rope_freqs.weight of Llama 3, one per pair.
 * @example ropeTable(config, 2) // [1, 0, 1, 0, …, cos 1, sin 1, …]
 */
export function ropeTable(
  config: Pick<LlamaConfig, 'headDim' | 'ropeFreqBase' | 'ropeFreqScale'>,
  positions: number,
  factors?: Float32Array,
): Float32Array {
  const pairs = config.headDim / 2;
  const ratio = Math.fround(Math.fround(config.ropeFreqBase) ** Math.fround(-2 / config.headDim));
  const table = new Float32Array(positions * pairs * 2);
  for (let position = 0, i = 0; position < positions; position++) {
    let theta = position;
    for (let pair = 0; pair < pairs; pair++) {
      const angle = Math.fround(Math.fround(theta / (factors?.[pair] ?? 1)) * Math.fround(config.ropeFreqScale));
      table[i++] = Math.cos(angle);
      table[i++] = Math.sin(angle);
      theta = Math.fround(theta * ratio);
    }
  }
  return table;
}
