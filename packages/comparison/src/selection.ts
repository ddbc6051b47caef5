import { MOST_LAYERS } from '@llama-probe/dump';
import { type Place, STAGE_NAMES } from '@llama-probe/dump/stage';
import { UsageError } from './errors.js';
import { nearest } from './nearest.js';

/** `q_rope,kq` → names. @throws UsageError for a name that is no stage, with the nearest one. */
export function parseStages(text: string | undefined, known: readonly string[] = STAGE_NAMES): readonly string[] {
  if (text === undefined) return known;
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('all')) {
    throw new UsageError(
      '--stages all is for probe capture --from llama, whose every node it takes; without --stages every stage is taken here.',
    );
  }
  for (const name of names) {
    if (!known.includes(name)) {
      throw new UsageError(
        `--stages: "${name}" is no stage; did you mean ${nearest(name, known)}? The stages are ${known.join(', ')}.`,
      );
    }
  }
  return names;
}

/** `0,2-4` → [0, 2, 3, 4]. @throws UsageError for anything else, and for layers that the model does not have. */
export function parseLayers(text: string | undefined, blockCount: number): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const layers = text.split(',').flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,6})(?:-(\d{1,6}))?\s*$/.exec(part) ?? [];
    if (from === undefined)
      throw new UsageError(`--layers: "${part}" is not a layer or a range; wanted such as 0,2-4.`);
    const last = Number(to ?? from);
    if (Number(from) > last || last >= blockCount) {
      throw new UsageError(`--layers: ${part} is out of range; the model has the layers 0 to ${blockCount - 1}.`);
    }
    return Array.from({ length: last - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
  return [...new Set(layers)].sort((a, b) => a - b);
}

/**
 * Which stages of a comparison are judged: `--stages 'q_*,kq'`, where * is anything, and `--layers 0-3`. What is of no layer is in all of them.
 *
 * @returns undefined where all are
 * @throws UsageError
 */
export function parseJudged({
  stages,
  layers,
}: {
  readonly stages?: string | undefined;
  readonly layers?: string | undefined;
}): ((at: Place) => boolean) | undefined {
  if (stages === undefined && layers === undefined) return undefined;
  const names = stages?.split(',').map((name) => name.trim());
  if (names?.includes(''))
    throw new UsageError(`--stages: "${stages}" has an empty name; wanted such as q_rope,ffn_*.`);
  const patterns = names?.map((name) => new RegExp(`^(sum of )?${name.split('*').map(literal).join('.*')}$`, 's'));
  const numbers = layers === undefined ? undefined : new Set(parseLayers(layers, MOST_LAYERS));
  return ({ stage, layer }) =>
    (patterns?.some((pattern) => pattern.test(stage)) ?? true) && (layer === null || (numbers?.has(layer) ?? true));
}

const literal = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
