import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DumpError } from '@llama-probe/dump';
import type { ForeignArray, Source } from '../array.js';
import { listed } from '../names/place-arrays.js';
import { type OpenFile, readAgain } from './folder.js';

/** What a file's name says: `step=0___rank=0___dump_index=7___name=q_rope___layer_id=3.pt`. */
export interface DumperTags {
  readonly file: string;
  readonly name: string;
  readonly layer: number | undefined;
  /** The pass. */
  readonly step: number;
  readonly rank: number;
  readonly index: number;
}

/** The tags of a file of SGLang's dumper; undefined for any other name. @see openSglang */
export function tagsOf(file: string): DumperTags | undefined {
  if (!file.endsWith('.pt') || !file.includes('___')) return undefined;
  const tags = new Map(
    file
      .slice(0, -'.pt'.length)
      .split('___')
      .map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)] as const),
  );
  const count = (...names: string[]): number | undefined => {
    const text = names.map((name) => tags.get(name)).find((value) => value !== undefined);
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  };
  const [name, step, index] = [tags.get('name'), count('step', 'forward_pass_id'), count('dump_index')];
  if (!name || step === undefined || index === undefined) return undefined;
  return { file, name, layer: count('layer_id'), step, rank: count('rank') ?? 0, index };
}

/** Whether a folder is of SGLang's dumper. */
export const isSglang = async (path: string): Promise<boolean> =>
  (await readdir(path)).some((name) => tagsOf(name) !== undefined);

/**
 * The folder that SGLang's dumper writes (`DUMPER_ENABLE=1`): a file for each `dumper.dump(name, value, layer_id=…)` and pass, which has
 * `{"value": …, "meta": …}`, or the value alone. The first pass is taken.
 *
 * The format: python/sglang/srt/debug_utils/dumper.py
 */
export async function openSglang(path: string, open: OpenFile): Promise<Source> {
  const all = (await readdir(path)).flatMap((name) => tagsOf(name) ?? []).sort((a, b) => a.index - b.index);
  const ranks = new Set(all.map(({ rank }) => rank));
  if (ranks.size > 1) {
    const what = `has the tensors of ${ranks.size} ranks, and each has only a part of a row`;
    throw new DumpError('dump-unsupported', `${path}: ${what}. Run SGLang with --tp-size 1 to dump.`);
  }
  const steps = [...new Set(all.map(({ step }) => step))].sort((a, b) => a - b);
  const arrays: ForeignArray[] = [];
  const again: string[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const tags of all.filter(({ step }) => step === steps[0])) {
    // A module's own name has the layer in it.
    const name =
      tags.layer === undefined || /\blayers\.\d/.test(tags.name) ? tags.name : `layers.${tags.layer}.${tags.name}`;
    if (seen.has(name)) again.push(name);
    if (seen.has(name)) continue;
    seen.add(name);
    const file = join(path, tags.file);
    const source = await open(file);
    bytes += source.bytes;
    for (const [index, array] of source.arrays.entries()) {
      const part = source.isUnnamed ? '' : /^value(\..+)?$/.exec(array.name)?.[0].slice('value'.length);
      if (part === undefined) continue;
      arrays.push({ ...array, name: name + part, read: () => readAgain(file, index, open) });
    }
    await source.close();
  }
  return {
    format: `a folder of ${all.length} files by SGLang's dumper`,
    producer: 'SGLang',
    path,
    bytes,
    arrays,
    notes: [
      ...(steps.length > 1 ? [`left out: ${passes(steps.length - 1)} after the first, which is step ${steps[0]}`] : []),
      ...listed('left out, since they were dumped again in the same pass', again),
    ],
    close: async () => {},
  };
}

const passes = (count: number): string => `${count} ${count === 1 ? 'pass' : 'passes'}`;
