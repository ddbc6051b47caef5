import type { LimitRule } from '@llama-probe/diff';
import type { GgufFile } from '@llama-probe/engine';
import {
  contentHash,
  openReference,
  otherBuild,
  type Reference,
  type ReferenceMode,
  type RunOptions,
} from '@llama-probe/reference';
import { exactFits } from '../model.js';
import { RULES, unmeasured } from './rules.js';
import type { FloorSource } from './source.js';

/** Another run of llama.cpp whose distance from a reference is the reference's floor. */
interface Twin {
  readonly mode: ReferenceMode;
  readonly build: string;
}

interface Choice {
  readonly mode: ReferenceMode;
  readonly build: string;
  /** Another build, or this one where the machine runs no other. */
  readonly other: string;
  /** Whether the F32 weights fit. */
  exactFits(): Promise<boolean>;
}

/**
 * Which run is the twin, the best first: the first row that can be run is taken.
 *
 * One other run is the floor of both modes: another rounding of `exact`, and of `native` the noise of its quantised activations.
 */
const TWINS: readonly {
  readonly twin: (choice: Choice) => Twin;
  readonly isPossible: (choice: Choice) => boolean | Promise<boolean>;
  /** Two runs that both quantise activations say little of an engine that does not: the minimum is that of no floor. */
  readonly isPoor?: true;
}[] = [
  {
    twin: ({ other }) => ({ mode: 'exact', build: other }),
    isPossible: async ({ mode, build, other, exactFits }) => (mode === 'exact' ? other !== build : await exactFits()),
  },
  {
    twin: ({ other }) => ({ mode: 'native', build: other }),
    isPossible: ({ mode, build, other }) => mode === 'native' && other !== build,
    isPoor: true,
  },
];

/** What a reference's floor is measured by on this machine. */
export interface ChosenTwin extends Twin {
  /** What it is the distance between. */
  readonly method: string;
  readonly rule: LimitRule;
}

/** @returns undefined where this machine runs no other llama.cpp than the reference */
export async function twinOf(reference: Reference, file: GgufFile): Promise<ChosenTwin | undefined> {
  const { mode, cpuVariant: build, cpuVariants } = reference.info;
  const other = otherBuild(build, cpuVariants) ?? build;
  const choice: Choice = {
    mode,
    build,
    other,
    exactFits: async () => (await exactFits(file)).fits,
  };
  for (const { twin, isPossible, isPoor } of TWINS) {
    if (!(await isPossible(choice))) continue;
    const chosen = twin(choice);
    return {
      ...chosen,
      method: `llama.cpp ${mode} (${build}) against ${chosen.mode} (${chosen.build})`,
      rule: isPoor ? { ...RULES[mode], minimum: unmeasured(mode).minimum } : RULES[mode],
    };
  }
  return undefined;
}

/** Starts it, beside the reference. */
export function openTwin(
  reference: Reference,
  file: GgufFile,
  { mode, build }: Twin,
  say: (message: string) => void,
  signal: AbortSignal,
): Promise<Reference> {
  say(`opening llama.cpp's ${build} build to measure the floor`);
  return openReference({
    model: file.path,
    mode,
    exactBy: reference.info.exact?.by,
    cpuVariant: build,
    sparedCores: 1,
    signal,
    onProgress: say,
  });
}

/** Why there is no floor. */
export const NO_TWIN = 'this machine runs one kind of CPU build only';

/** A twin that is kept for several runs. */
interface Kept {
  choice(): Promise<ChosenTwin | undefined>;
  open(twin: ChosenTwin, say: (message: string) => void): Promise<Reference>;
}

/**
 * Begins to read the model's file for `floorOf`, by whose content floors are kept, while something else is waited for. What is wrong with it is told
 * there.
 */
export function readAhead(reference: Reference, file: GgufFile, signal: AbortSignal): void {
  twinOf(reference, file)
    .then((twin) => twin && contentHash(file.path, signal))
    .catch(() => {});
}

/** What llama.cpp's floor is measured by on this machine. @param kept the twin of several runs; without it one is opened for this run */
export async function floorOf(
  reference: Reference,
  file: GgufFile,
  run: RunOptions,
  signal: AbortSignal,
  kept?: Kept,
): Promise<FloorSource> {
  const { mode, version } = reference.info;
  const twin = await (kept ? kept.choice() : twinOf(reference, file));
  if (!twin) return { kind: 'none', why: NO_TWIN, rule: unmeasured(mode) };
  const { method, rule } = twin;
  return {
    kind: 'measured',
    method,
    rule,
    key: [await contentHash(file.path), version, method, run],
    async open(say) {
      if (kept) return { tensors: (await kept.open(twin, say)).run(run).tensors, close: async () => {} };
      const beside = await openTwin(reference, file, twin, say, signal);
      return { tensors: beside.run(run).tensors, close: () => beside.close() };
    },
  };
}
