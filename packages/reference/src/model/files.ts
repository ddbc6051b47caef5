import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ModelError } from '../errors.js';

/** A model's file, or all parts of one that was split: the first has the metadata, and is what llama.cpp is given. */
export type ModelFiles = readonly [string, ...string[]];

/**
 * The files of a model that are there: itself, or all parts of the split one that it is a part of, in order. They are known by their names
 * (`name-00001-of-00003.gguf`), as llama.cpp knows them.
 */
export function modelFiles(path: string): ModelFiles {
  const [, stem, count] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(basename(path)) ?? [];
  if (stem === undefined) return [path];
  const [first, ...more] = namesIn(dirname(path))
    .filter((name) => /^\d{5}$/.test(between(name, `${stem}-`, `-of-${count}.gguf`)))
    .sort()
    .map((name) => join(dirname(path), name));
  return first === undefined ? [path] : [first, ...more];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // whoever opens the file says why
  }
}

/** @example between('a-1-b', 'a-', '-b') === '1' */
const between = (text: string, begin: string, end: string): string =>
  text.startsWith(begin) && text.endsWith(end) ? text.slice(begin.length, -end.length) : '';

/** The files of a model. Refuses early what is no GGUF file. @throws ModelError `model-not-found`, `model-not-gguf` */
export async function checkModelFiles(model: string): Promise<ModelFiles> {
  await checkModelFile(model);
  return modelFiles(model);
}

async function checkModelFile(path: string): Promise<void> {
  const magic = Buffer.alloc(4);
  try {
    const file = await open(path, 'r');
    try {
      await file.read(magic, 0, 4, 0);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ModelError(
      'model-not-found',
      `${path}: cannot be read (${code}); wanted a GGUF model file. Check the path.`,
      { cause },
    );
  }
  if (magic.toString('latin1') !== 'GGUF') {
    throw new ModelError(
      'model-not-gguf',
      `${path}: is no GGUF file: it begins with ${JSON.stringify(magic.toString('latin1'))}, wanted "GGUF". Convert other formats with llama.cpp's convert_hf_to_gguf.py first.`,
    );
  }
}
