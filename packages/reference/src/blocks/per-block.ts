import type { ModelHeader } from './model-header.js';

/** Hyperparameters of one block, by their keys without the architecture. */
export type PerBlock = Readonly<Record<string, number>>;

/** Those that llama.cpp reads a list of, with a value for each block, of the architectures that are evaluated block by block. */
const LISTS: readonly string[] = [
  'attention.head_count',
  'attention.head_count_kv',
  'feed_forward_length',
  'expert_used_count',
  'expert_feed_forward_length',
];

/** 1 where a block has a window, 0 where it sees all positions. */
export const WINDOWS = 'attention.sliding_window_pattern';

/**
 * Of how many blocks the last one sees all positions and the others have a window, where the file does not say it: llama.cpp's `load_swa_pattern`. Other
 * architectures have no windows in llama.cpp, whatever their files say.
 */
const PERIODS: Readonly<Record<string, number>> = { gemma2: 2, gemma3: 6, 'gpt-oss': 2, olmo2: 4 };

/** Where there is no window in the file, these have none. */
const WITHOUT: readonly string[] = ['gemma3', 'olmo2'];

/** The hyperparameters that each block has for itself. */
export function perBlock(
  { architecture, metadata }: Pick<ModelHeader, 'architecture' | 'metadata'>,
  layers: number,
): PerBlock[] {
  const read = (name: string) => metadata[`${architecture}.${name}`];
  const lists = LISTS.filter((name) => Array.isArray(read(name)));
  const period = PERIODS[architecture];
  const hasWindows = Number(read('attention.sliding_window') ?? 0) > 0 || !WITHOUT.includes(architecture);
  return Array.from({ length: layers }, (_, layer) => ({
    ...Object.fromEntries(lists.map((name) => [name, Number((read(name) as unknown[])[layer] ?? 0)])),
    ...(period !== undefined && hasWindows && { [WINDOWS]: hasWindow(layer, read(WINDOWS) ?? period) ? 1 : 0 }),
  }));
}

/** @param pattern a value for each block, or a period; of period 0 every block has a window */
function hasWindow(layer: number, pattern: unknown): boolean {
  if (Array.isArray(pattern)) return Boolean(pattern[layer]);
  const period = Number(pattern);
  return period === 0 || layer % period < period - 1;
}

/** The sizes that llama.cpp knows by how many blocks there are, and which scale Q by the width of the stream for a head, not by that of a head. */
const SCALED_BY_STREAM: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 };

/** What Q is scaled with before the scores, where a model of one block would scale it otherwise: 1 / √(width for a head), in f32. */
export function queryScaleOf({
  architecture,
  metadata,
}: Pick<ModelHeader, 'architecture' | 'metadata'>): number | undefined {
  const number = (name: string) => [metadata[`${architecture}.${name}`]].flat().map(Number)[0] as number;
  if (number('block_count') !== SCALED_BY_STREAM[architecture]) return undefined;
  const width = Math.floor(number('embedding_length') / number('attention.head_count'));
  return Math.fround(1 / Math.fround(Math.sqrt(width)));
}
