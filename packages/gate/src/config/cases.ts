import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { BUNDLED_MODEL } from '@llama-probe/comparison';
import { UsageError } from '@llama-probe/comparison/ask';
import { kindOf } from './candidate.js';
import type { GateCase } from './case.js';
import { dumpCase } from './drafts.js';
import { engineCases } from './engine-cases.js';
import { patterns } from './globs.js';
import type { LoadedConfig } from './load.js';

export interface Matrix {
  readonly cases: readonly GateCase[];
  /** The folder of the baselines; null where there are none. */
  readonly baselines: string | null;
  readonly factor: number;
}

const BASELINES = 'dumps/baselines';
const FACTOR = 4;

/** Every case of a configuration. @throws UsageError for what no schema can say: names twice, patterns that match nothing. */
export function casesOf({ path, config }: LoadedConfig): Matrix {
  const folder = dirname(path);
  const wrong = (place: string, what: string) => new UsageError(`${path}: ${place}: ${what}`);
  const baselines = config.baselines === false ? null : resolve(folder, config.baselines ?? BASELINES);
  const drafts = config.runs.flatMap((run, i) =>
    'candidate' in run ? [dumpCase(run, i, folder)] : engineCases(run, i, folder, wrong),
  );
  const names = drafts.map(({ name }) => name);
  for (const [i, name] of names.entries()) {
    const first = names.findIndex((other) => other.toLowerCase() === name.toLowerCase());
    if (first === i) continue;
    throw wrong(`runs`, `two cases are called "${name}"; give a name to one of their runs or prompts.`);
  }
  // Another candidate than the engine of ours may have nodes of its own.
  const anyNode = drafts.some(({ work }) => work.kind === 'dump' || kindOf(work.options) !== 'webgpu');
  const limits = patterns(config.limits ?? [], 'limits', names, anyNode, wrong);
  const known = patterns(config.known ?? [], 'known', names, anyNode, wrong);
  const cases = drafts.map((draft): GateCase => {
    const heldTo =
      draft.work.kind === 'engine' ? draft.work.against === 'reference' : (draft.work.reference ?? draft.work.llama);
    if (baselines === null && !heldTo) {
      throw wrong('baselines', `false, but ${draft.name} has no other reference; wanted a folder, or a reference.`);
    }
    const own = limits.filter(({ isFor }) => isFor(draft.name)).map(({ pattern }) => pattern);
    return {
      ...draft,
      limits: own,
      known: known.filter(({ isFor }) => isFor(draft.name)).map(({ pattern }) => pattern),
      baseline: baselines && join(baselines, `${draft.name}.arrow`),
    };
  });
  return { cases, baselines, factor: config.worsening?.factor ?? FACTOR };
}

/** Every file that the gate reads or keeps: no output may take the place of one. */
export const filesOf = ({ cases }: Matrix, { path }: LoadedConfig): string[] => [
  path,
  BUNDLED_MODEL,
  ...cases.flatMap(({ files, baseline }) => [...files.map(([, file]) => file), ...(baseline ? [baseline] : [])]),
];

/** @throws UsageError if a file that a case needs does not exist */
export function checkFiles(cases: readonly GateCase[], { path }: LoadedConfig): void {
  for (const { name, files } of cases) {
    for (const [place, file] of files) {
      if (existsSync(file)) continue;
      const shown = relative(process.cwd(), file) || file;
      throw new UsageError(
        `${path}: ${place}: ${shown} does not exist, and the case ${name} needs it. Paths are relative to the configuration.`,
      );
    }
  }
}
