import type { Tensor } from '@llama-probe/dump';
import { type Precision, rounded } from '@llama-probe/dump/precision';
import { placeKey } from '@llama-probe/dump/stage';

/**
 * What tells nothing of how an engine computes: embeddings are rows of the weights, whatever those are kept in; scores and their softmax are often
 * f32 where all else is not; ids are whole numbers.
 */
const TELLS_NOTHING: ReadonlySet<string> = new Set(['embd', 'kq', 'kq_soft_max', 'ffn_moe_topk', 'ffn_moe_argsort']);

const FORMATS = ['bf16', 'f16'] as const; // of what is both, values of few bits, the coarser one first

/** Of one stage of a layer: how many of its values were looked at, and of which formats all of them are. */
interface Seen {
  values: number;
  bf16: boolean;
  f16: boolean;
}

/** By chance one value of f32 in 65536 is one of bf16, and one in 8192 one of f16; a test's small numbers all are. */
const FEWEST = 256;
const MOST_VALUES = 1 << 14; // of a stage that are looked at
const MOST_PLACES = 64; // what comes after so many is computed as they are

/**
 * Which format an engine keeps its values in, told from the bits: a value of bf16 has 8 significant bits, one of f16 has 11. It is the format
 * that most stages have all their values in.
 *
 * A heuristic: an engine whose stages are in part in f32 counts as one in 16 bits where more than half of them are. Where it is wrong, limits are too wide or too narrow.
 */
export class PrecisionSeen {
  private readonly places = new Map<string, Seen>();

  /** @returns whether more could tell anything new */
  add(tensor: Tensor): boolean {
    if (TELLS_NOTHING.has(tensor.stage)) return true;
    const key = placeKey(tensor);
    let seen = this.places.get(key);
    if (!seen) {
      if (this.places.size >= MOST_PLACES) return false;
      seen = { values: 0, bf16: true, f16: true };
      this.places.set(key, seen);
    }
    for (const value of tensor.values) {
      if (seen.values >= MOST_VALUES || !(seen.bf16 || seen.f16)) break;
      if (value === 0 || value - value !== 0) continue; // zeros, infinities and NaN are in every format
      seen.values++;
      for (const format of FORMATS) if (seen[format] && rounded(value, format) !== value) seen[format] = false;
    }
    return true;
  }

  result(): Precision {
    const stages = [...this.places.values()].filter(({ values }) => values > 0);
    const values = stages.reduce((sum, stage) => sum + stage.values, 0);
    if (values < FEWEST) return 'f32';
    const isMost = (format: (typeof FORMATS)[number]) =>
      2 * stages.filter((stage) => stage[format]).length > stages.length;
    return FORMATS.find(isMost) ?? 'f32';
  }
}
