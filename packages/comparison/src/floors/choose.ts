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

/** What llama.cpp's floor is measured by on this machine. */
export async function floorOf(
  reference: Reference,
  file: GgufFile,
  run: RunOptions,
  signal: AbortSignal,
): Promise<FloorSource> {
  const { mode, cpuVariant: build, cpuVariants, version } = reference.info;
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
    const method = `llama.cpp ${mode} (${build}) against ${chosen.mode} (${chosen.build})`;
    return {
      kind: 'measured',
      method,
      rule: isPoor ? { ...RULES[mode], minimum: unmeasured(mode).minimum } : RULES[mode],
      key: [await contentHash(file.path), version, method, run],
      async open(say) {
        say(`opening llama.cpp's ${chosen.build} build to measure the floor`);
        const beside = await openReference({
          model: file.path,
          mode: chosen.mode,
          exactBy: reference.info.exact?.by,
          cpuVariant: chosen.build,
          sparedCores: 1,
          signal,
          onProgress: say,
        });
        return { tensors: beside.run(run).tensors, close: () => beside.close() };
      },
    };
  }
  return { kind: 'none', why: 'this machine runs one kind of CPU build only', rule: unmeasured(mode) };
}
