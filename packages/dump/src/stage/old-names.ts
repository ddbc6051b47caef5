import { normBefore } from './norms.js';
import { type Place, type StageId, stageKey } from './place.js';

/** What earlier versions captured under llama.cpp's own name, of layers that it does not name: the second one was `ffn_post_norm.2`. */
const WITHOUT_LAYER = /^(ffn_post_norm)(\.\d+)?$/;
const NORM = /^norm(\.\d+)?$/;

/**
 * The stages of a run of llama.cpp as they are called today. Earlier versions called every norm `norm`, `norm.2`, …: which one it is, the next
 * stage says, which is that times its weight.
 *
 * @param stages in evaluation order
 */
export async function* presentNames<T extends StageId>(stages: AsyncIterable<T>): AsyncGenerator<T> {
  const names = new Names<T>();
  for await (const stage of stages) yield* names.take(stage);
  yield* names.end();
}

/** The same of keys of stages. @example presentKeys(['0/0/norm.3', '0/0/attn_post_norm']) // ['0/0/attn_post_rms', '0/0/attn_post_norm'] */
export function presentKeys(keys: readonly string[]): string[] {
  const names = new Names<StageId>();
  return [...keys.flatMap((key) => names.take(idAt(key))), ...names.end()].map(stageKey);
}

class Names<T extends StageId> {
  private held: T | undefined;
  private layer: number | null = null;

  /** @returns those whose names are known now */
  take(given: T): T[] {
    const stage = this.inItsLayer(given);
    const before = this.held && renamed(this.held, stage);
    this.held = NORM.test(stage.stage) ? stage : undefined;
    return [...(before ? [before] : []), ...(this.held ? [] : [stage])];
  }

  end(): T[] {
    return this.held ? [this.held] : [];
  }

  private inItsLayer(at: T): T {
    const [, stage] = WITHOUT_LAYER.exec(at.stage) ?? [];
    if (at.layer === null && stage !== undefined) return { ...at, stage, layer: this.layer };
    this.layer = at.layer ?? this.layer;
    return at;
  }
}

function renamed<T extends StageId>(norm: T, { stage, layer }: Place): T {
  const weighted = stage.replace(/\.\d+$/, '');
  if (!/_norm(ed)?$/.test(weighted)) return norm; // nobody says what it is
  return { ...norm, stage: normBefore(weighted) ?? norm.stage, layer: norm.layer ?? layer };
}

function idAt(key: string): StageId {
  const [step = '0', layer = '-', ...stage] = key.split('/');
  return { step: Number(step), layer: layer === '-' ? null : Number(layer), stage: stage.join('/') };
}
