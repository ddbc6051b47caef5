import type { RopeConfig } from './rope-config.js';

/**
 * The angles of every position as cosine and sine: (positions, dims / 2, 2).
 *
 * θ(position, pair) = position · base^(−2·pair / dims) · scale / factor(pair). Angles are built by the recurrence
 * that ggml uses, θ ← θ · base^(−2 / dims), rounded to f32 at each step: computed in f64 they would differ from
 * llama.cpp's by 3·10⁻⁸ · position · pair, which is more than exact mode forgives after a few hundred positions.
 * The cosine and the sine themselves are f64: SwiftShader's are off by 2·10⁻⁴.
 *
 * With YaRN (Peng et al. 2023, arXiv:2309.00071 §3.2; ggml's rope_yarn) fast pairs are not scaled, and the lengths are stretched.
 *
 * @param config.dims how many values of a head are turned
 * @param factors the rope_freqs.weight of Llama 3, or those of a longrope, one per pair.
 * @example ropeTable(config, 2) // [1, 0, 1, 0, …, cos 1, sin 1, …]
 */
export function ropeTable(
  config: RopeConfig & { readonly dims: number },
  positions: number,
  factors?: Float32Array,
): Float32Array {
  const { dims, ropeYarn, ropeMagnitude = 1 } = config;
  const pairs = dims / 2;
  const ratio = Math.fround(Math.fround(config.ropeFreqBase) ** Math.fround(-2 / dims));
  const scale = Math.fround(config.ropeFreqScale);
  const slow = Float32Array.from({ length: pairs }, (_, pair) => (ropeYarn ? slowness(pair, config) : 1));
  const magnitude = ropeYarn
    ? Math.fround(Math.fround(ropeYarn.attnFactor) * Math.fround(1 + 0.1 * Math.log(1 / scale)))
    : Math.fround(ropeMagnitude);
  const table = new Float32Array(positions * pairs * 2);
  for (let position = 0, i = 0; position < positions; position++) {
    let theta = position;
    for (let pair = 0; pair < pairs; pair++) {
      const fast = Math.fround(theta / (factors?.[pair] ?? 1));
      const scaled = Math.fround(fast * scale);
      const share = slow[pair] as number;
      const angle = share === 1 ? scaled : Math.fround(Math.fround(scaled * share) + Math.fround(fast * (1 - share)));
      table[i++] = Math.cos(angle) * magnitude;
      table[i++] = Math.sin(angle) * magnitude;
      theta = Math.fround(theta * ratio);
    }
  }
  return table;
}

/** How much of a pair is scaled: nothing of one that turns more often than betaFast over the original context, all below betaSlow. */
function slowness(pair: number, { dims, ropeFreqBase, ropeYarn }: RopeConfig & { readonly dims: number }): number {
  if (!ropeYarn) return 1;
  const { originalContext, betaFast, betaSlow } = ropeYarn;
  const pairThatTurns = (times: number): number =>
    (dims * Math.log(originalContext / (times * 2 * Math.PI))) / (2 * Math.log(ropeFreqBase));
  const first = Math.max(0, Math.floor(pairThatTurns(betaFast)));
  const last = Math.min(dims - 1, Math.ceil(pairThatTurns(betaSlow)));
  return Math.min(1, Math.max(0, (pair - first) / Math.max(0.001, last - first)));
}
