import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ModelError } from '../errors.js';

/** The files of a model: itself, or all parts of one that was split (`name-00001-of-00003.gguf`). */
export async function modelFiles(path: string): Promise<string[]> {
  const [, stem, count] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(basename(path)) ?? [];
  if (stem === undefined) return [path];
  const parts = (await readdir(dirname(path))).filter(
    (name) => name.startsWith(`${stem}-`) && name.endsWith(`-of-${count}.gguf`),
  );
  return parts.sort().map((name) => join(dirname(path), name));
}

/** Refuses early what is no GGUF file. @throws ModelError `model-not-found`, `model-not-gguf` */
export async function checkModelFile(path: string): Promise<void> {
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
