import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Floor, type Floors, type LimitRule, measureFloors } from '@llama-probe/diff';
import type { FloorsDescription, Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import {
  cacheDirectory,
  contentHash,
  openReference,
  otherBuild,
  type Reference,
  type ReferenceMode,
  type RunOptions,
} from '@llama-probe/reference';
import { exactFits } from './model.js';
import type { LimitOptions } from './options.js';
import type { Progress } from './progress.js';
import { parameters } from './sides.js';

/**
 * How limits follow from floors, unless --margin and --minimum say otherwise.
 *
 * `exact`: an engine's sums may round several times worse than another build of llama.cpp does; 3.7 times was seen, 8 times for single
 * values. The minimum is what an engine in f32 is held to where llama.cpp's builds do the same arithmetic.
 * `native`: the floor is the very noise of quantised activations that separates llama.cpp from an engine in f32. The minimum forgives f16.
 */
export const RULES: Readonly<Record<ReferenceMode, LimitRule>> = {
  exact: { margin: 10, minimum: 1e-5 },
  native: { margin: 3, minimum: 1e-3 },
};

/** Where no floor can be measured: docs/limits.md has the largest that were. */
export const UNMEASURED: Readonly<Record<ReferenceMode, number>> = { exact: 1e-5, native: 0.15 };

/** A reference's tensors with their floors, by which others are judged. */
export interface Judged {
  readonly tensors: AsyncIterable<Tensor>;
  /** Fills as the tensors come. */
  readonly floors: Floors;
  readonly rule: LimitRule;
  /** What the floor is the distance between; or why it was not measured. */
  readonly method: string;
}

/**
 * Adds floors to a run of the reference: from the cache, or by running llama.cpp on the F32 weights under another of its CPU builds
 * beside it. That one other run is the floor of both modes: another rounding of `exact`, and of `native` the noise of its activations.
 */
export async function withFloors(
  reference: Reference,
  file: GgufFile,
  run: RunOptions & { tokens: readonly number[] },
  options: LimitOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Judged> {
  const { mode, cpuVariant, cpuVariants, version } = reference.info;
  const start = () => reference.run(run).tensors;
  const build = otherBuild(cpuVariant, cpuVariants) ?? cpuVariant;
  const fits = mode === 'exact' || (await exactFits({ parameters: parameters(file) })).fits;
  const other = { mode: fits ? 'exact' : 'native', build } as const;
  const unmeasured = (why: string): Judged => ({
    tensors: start(),
    floors: new Map(),
    rule: ruled({ ...RULES[mode], minimum: UNMEASURED[mode] }, options),
    method: `not measured: ${why}`,
  });
  if (options.floors === false) return unmeasured('--no-floors');
  if (other.mode === mode && build === cpuVariant) return unmeasured('this machine runs one kind of CPU build only');

  const method = `llama.cpp ${mode} (${cpuVariant}) against ${other.mode} (${build})`;
  const rule = ruled({ ...RULES[mode], ...(fits ? {} : { minimum: UNMEASURED[mode] }) }, options);
  const path = cachePath([await contentHash(file.path), version, method, run]);
  const known = await read(path);
  if (known) return { tensors: start(), floors: known, rule, method };

  const floors = new Map<string, Floor>();
  async function* measured(): AsyncGenerator<Tensor> {
    progress.say(`opening llama.cpp's ${build} build to measure the floor`);
    const twin = await openReference({
      model: file.path,
      mode: other.mode,
      cpuVariant: build,
      sparedCores: 1,
      signal,
      onProgress: progress.say,
    });
    try {
      yield* measureFloors(start(), twin.run(run).tensors, floors);
      await write(path, floors);
    } finally {
      await twin.close();
    }
  }
  return { tensors: measured(), floors, rule, method };
}

/** The rule with what the user asks for. */
export function ruled(rule: LimitRule, { margin, minimum }: LimitOptions): LimitRule {
  return { margin: margin ?? rule.margin, minimum: minimum ?? rule.minimum };
}

/** For a dump. */
export function describeFloors({ floors, rule, method }: Omit<Judged, 'tensors'>): FloorsDescription {
  return { method, ...rule, stages: Object.fromEntries([...floors].map(([key, floor]) => [key, toArray(floor)])) };
}

/** From a dump. */
export function readFloors({ stages }: Pick<FloorsDescription, 'stages'>): Floors {
  return new Map(Object.entries(stages).map(([key, [rel, row, value]]) => [key, { rel, row, value }]));
}

const toArray = ({ rel, row, value }: Floor): [number, number, number] => [rel, row, value];

const FORMAT = 2; // of a cached file, and of how floors are measured

function cachePath(parts: readonly unknown[]): string {
  const hash = sha256(JSON.stringify([FORMAT, ...parts]));
  return join(cacheDirectory(), 'floors', `${hash.slice(0, 32)}.txt`);
}

/** The floors of a file that is whole; what is damaged is measured again. */
async function read(path: string): Promise<Floors | undefined> {
  try {
    const [hash, json = ''] = (await readFile(path, 'utf8')).split('\n');
    return hash === sha256(json) ? readFloors({ stages: JSON.parse(json) }) : undefined;
  } catch {
    return undefined; // not measured yet
  }
}

/** A floor that cannot be kept is measured again the next time. */
async function write(path: string, floors: Floors): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  const json = JSON.stringify(Object.fromEntries([...floors].map(([key, floor]) => [key, toArray(floor)])));
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(partial, `${sha256(json)}\n${json}`);
    await rename(partial, path);
  } catch {
    await rm(partial, { force: true }).catch(() => {}); // the cache is full or read-only, and says so where that matters
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
