import type { DumpMetadata } from '@llama-probe/dump';
import { type GgufFile, openGguf } from '@llama-probe/engine';
import { contentHash } from '@llama-probe/reference';
import { UsageError } from './errors.js';

/**
 * The file that a dump is of; undefined where none was given. A dump that does not say its model's hash is taken at its word.
 *
 * @throws UsageError where the dump is of another file: its weights would explain nothing
 */
export async function ownModel(
  path: string | undefined,
  dumps: readonly { readonly path: string; readonly metadata: DumpMetadata }[],
): Promise<GgufFile | undefined> {
  if (path === undefined) return undefined;
  const file = await openGguf(path);
  const hash = `sha256:${await contentHash(path)}`;
  for (const { path: dump, metadata } of dumps) {
    const { model } = metadata;
    if (model?.hash === undefined || model.hash === hash) continue;
    throw new UsageError(
      `--model ${path}: ${dump} is of another file, ${model.file} (${model.quantization ?? 'unknown type'}); give the model that was run, in the very file or parts: split or joined since, it is another.`,
    );
  }
  return file;
}
