/** llama.cpp's x64 builds by the vector unit that their float kernels use: within a group they compute the same bits. */
const VECTORS: Readonly<Record<string, string>> = {
  zen4: 'AVX-512',
  sapphirerapids: 'AVX-512',
  cooperlake: 'AVX-512',
  icelake: 'AVX-512',
  cascadelake: 'AVX-512',
  cannonlake: 'AVX-512',
  skylakex: 'AVX-512',
  alderlake: 'AVX2',
  haswell: 'AVX2',
  piledriver: 'AVX',
  ivybridge: 'AVX',
  sandybridge: 'AVX',
  sse42: 'SSE',
  x64: 'SSE2',
};

/**
 * Another of llama.cpp's CPU builds, whose sums round differently; undefined where this machine runs only one such.
 *
 * @param usable the builds that this machine runs, the best first
 * @example otherBuild('zen4', ['zen4', 'icelake', 'haswell', 'x64']) === 'haswell'
 */
export function otherBuild(build: string, usable: readonly string[]): string | undefined {
  return usable.find((name) => vectorsOf(name) !== vectorsOf(build));
}

/**
 * The one of them with the plainest instructions: where there are three kinds, it is not the one that a floor is measured by.
 *
 * @example plainestBuild('zen4', ['zen4', 'icelake', 'haswell', 'x64']) === 'x64'
 */
export function plainestBuild(build: string, usable: readonly string[]): string | undefined {
  return usable.findLast((name) => vectorsOf(name) !== vectorsOf(build));
}

const vectorsOf = (name: string): string => VECTORS[name] ?? name;
