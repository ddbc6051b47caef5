import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { SHADER_FOLDER } from '@llama-probe/engine/internal';
import { modelFiles } from '@llama-probe/reference';
import { type Job, recordedIn } from '../job.js';
import { filesIn } from '../program/files.js';

/** What a comparison reads: absolute paths. */
export interface Watched {
  readonly files: readonly string[];
  /** Folders, of which every file with this ending counts. */
  readonly folders: readonly { readonly path: string; readonly ending: string }[];
}

/** What a comparison depends on. The bundled model is part of the package and does not change. */
export function watchedBy(job: Job): Watched {
  if (job.command !== 'compare') {
    const runs = absolute(recordedIn(job));
    const folders = runs.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
    return {
      files: [
        ...runs.filter((path) => !folders.includes(path)),
        ...absolute([...filesOf(job.options.model), job.options.map]),
      ],
      folders: folders.map((path) => ({ path, ending: '' })),
    };
  }
  const { model, imatrix, promptFile, engine, map } = job.options;
  if (engine !== undefined)
    return { files: absolute([...filesIn(engine), ...filesOf(model), imatrix, promptFile, map]), folders: [] };
  return {
    files: absolute([...filesOf(model), imatrix, promptFile]),
    folders: [{ path: resolve(SHADER_FOLDER), ending: '.wgsl' }],
  };
}

/** Whether something of it is not there. */
export const isMissing = ({ files, folders }: Watched): boolean =>
  ![...files, ...folders.map(({ path }) => path)].every((path) => existsSync(path));

const filesOf = (model: string | undefined) => (model === undefined ? [] : modelFiles(model));

const absolute = (paths: readonly (string | undefined)[]): string[] => [
  ...new Set(paths.flatMap((path) => (path === undefined ? [] : [resolve(path)]))),
];
