import { parseLayers } from '@llama-probe/comparison';
import type { UsageError } from '@llama-probe/comparison/ask';
import { STAGE_NAMES } from '@llama-probe/dump/stage';
import picomatch from 'picomatch';
import type { StagePattern } from '../judge/stage-limits.js';
import type { CheckedConfig } from './load.js';

/** A mistake at a place of the configuration. */
export type Wrong = (place: string, what: string) => UsageError;

const list = (stages: string | readonly string[]): readonly string[] =>
  typeof stages === 'string' ? [stages] : stages;

/** The stages that globs mean. */
export function stageNames(stages: string | readonly string[], place: string, wrong: Wrong): readonly string[] {
  const globs = list(stages);
  for (const glob of globs) refuseNoStage(glob, place, wrong);
  const isMeant = picomatch([...globs]);
  return STAGE_NAMES.filter((name) => isMeant(name));
}

function refuseNoStage(glob: string, place: string, wrong: Wrong): void {
  const isMeant = picomatch(glob);
  if (STAGE_NAMES.some((name) => isMeant(name))) return;
  throw wrong(
    place,
    `"${glob}" matches no stage; wanted a glob, or a list such as ["kq", "ffn_*"], over ${STAGE_NAMES.join(', ')}.`,
  );
}

type Row = NonNullable<CheckedConfig['limits'] | CheckedConfig['known']>[number];

/** Entries of a list, each with the stages and the cases that it is for. */
export function patterns<T extends Row>(
  rows: readonly T[],
  key: string,
  names: readonly string[],
  anyNode: boolean,
  wrong: Wrong,
) {
  return rows.map((row, index) => {
    const { runs, stages, layers, ...rest } = row;
    const place = `${key}[${index}]`;
    if (!anyNode) for (const glob of list(stages)) refuseNoStage(glob, `${place}.stages`, wrong);
    const isFor = runs === undefined ? () => true : picomatch(runs);
    if (!names.some((name) => isFor(name))) {
      throw wrong(`${place}.runs`, `"${runs}" matches no case; the cases are ${names.join(', ')}.`);
    }
    return {
      isFor,
      pattern: { ...rest, index, stages: list(stages), layers: layersOf(layers, `${place}.layers`, wrong) } as Omit<
        T,
        'stages' | 'layers' | 'runs'
      > &
        StagePattern & { readonly index: number },
    };
  });
}

function layersOf(text: string | undefined, place: string, wrong: Wrong): readonly number[] | undefined {
  try {
    return parseLayers(text, 1e6); // no model is known here
  } catch {
    throw wrong(place, `"${text}" has a range that goes backwards; wanted layers such as "0,2-4".`);
  }
}
